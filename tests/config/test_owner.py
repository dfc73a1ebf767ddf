"""The receiver that tells owners: whatever its service names, one address gets the mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.receivers import OwnerReceiver
from agent.config.secrets import SecretError
from agent.config.texts import is_address
from agent.notify.services import service

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def owner(**keys: Any) -> OwnerReceiver:
    return OwnerReceiver.model_validate({"name": "owners", "type": "owner"} | keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"url": "mailtos://agent:wonder@smtp.example.com:465"},
        {"url": "mailtos://agent:wonder@smtp.example.com:465/else@example.com/third@example.com"},
        {"url": "mailtos://agent:wonder@smtp.example.com:465?to=else@example.com&cc=x@example.com"},
        {"url": "MAILTOS://agent:wonder@smtp.example.com:465/?bcc=x@example.com&name=Agent"},
        {
            "target": {
                "schema": "mailtos",
                "host": "smtp.example.com",
                "port": 465,
                "user": "agent",
                "password": "wonder",
            }
        },
    ],
)
def test_the_owner_alone_gets_the_mail(keys: dict[str, Any]) -> None:
    plugin: Any = service(owner(**keys).mail_to("anna+x@example.org").reveal())
    assert plugin.targets == [(False, "anna+x@example.org")]
    assert (plugin.cc, plugin.bcc) == (set(), set())
    assert (plugin.smtp_host, plugin.port) == ("smtp.example.com", 465)
    assert (plugin.user, plugin.password, plugin.secure) == ("agent", "wonder", True)
    assert plugin.headers == {"Auto-Submitted": "auto-generated"}


def test_other_arguments_of_the_url_are_kept() -> None:
    url = "mailtos://agent:wonder@example.com?smtp=smtp.example.com&from=post@example.com"
    plugin: Any = service(owner(url=url).mail_to("anna@example.org").reveal())
    assert (plugin.smtp_host, plugin.from_addr) == ("smtp.example.com", (False, "post@example.com"))


@given(st.text("ab.+-_!#$&*=?^{|}~/'%ü", min_size=1, max_size=12), st.sampled_from(["a", "b"]))
def test_every_address_that_is_accepted_is_the_one_that_is_told(word: str, path: str) -> None:
    address = f"{word}@example.org"
    if is_address(address):
        receiver = owner(url=f"mailtos://agent:wonder@smtp.example.com/{path}@example.com")
        plugin: Any = service(receiver.mail_to(address).reveal())
        assert [told for _, told in plugin.targets] == [address]


def test_a_url_from_a_file_must_be_a_mail_services_too(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("json://wonder@example.com")
    target = owner(url_file=file).mail_to("anna@example.org")
    assert target.secret().file == file
    with pytest.raises(SecretError, match=r"^url: is no URL of a mail service \(mailtos://\)$"):
        target.reveal()
    file.write_text("mailtos://agent:wonder@smtp.example.com")
    assert str(target.reveal()).startswith("mailtos://agent:wonder@smtp.example.com?to=anna@")
    assert "wonder" not in repr(owner(url="mailtos://a:wonder@example.com").mail_to("a@b"))
