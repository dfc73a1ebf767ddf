"""What the private Courier has in the place of Courier's own: who may log in."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.courier import Courier


def test_pop3_announces_a_pause_between_logins_that_it_does_not_enforce(courier: Courier) -> None:
    user = courier.add()
    for _ in range(2):
        client = courier.pop3(user)
        assert client.capa()["LOGIN-DELAY"] == ["10"]
        client.quit()


def test_only_the_password_of_a_mailbox_opens_it(courier: Courier) -> None:
    """Asked as the login program asks, which holds back a refusal for five seconds."""

    def answer(password: str) -> bytes:
        request = f"imap\nlogin\n{user.name}\n{password}\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(courier.folder / "auth.socket"))
            client.sendall(f"TCPREMOTEIP=127.0.0.1\nAUTH {len(request)}\n{request}".encode())
            return client.recv(1024)

    user = courier.add()
    assert answer("wrong") == b"FAIL\n"
    assert f"HOME={courier.folder}/mail/{user.name}\n".encode() in answer(user.password)
