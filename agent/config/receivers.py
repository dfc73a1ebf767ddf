"""Who can be told, and by which service."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.base import FilePath, Table
from agent.config.quiet import QuietHours
from agent.config.secrets import Secret, SecretCommand, SecretText, one_of_three
from agent.config.targets import MAIL_SERVICES, OwnersMail, Target, is_mail
from agent.config.texts import Line, Name
from agent.model import Severity

_NO_MAIL = 'needs a mail service such as "mailtos"'


class _Receiver(Table):
    """What receivers of every type have."""

    name: Name = Field(description="The name that routes use; unique.", examples=["ops"])
    type: str
    min_severity: Severity = Field(
        Severity.INFO, description="The mildest alert that it hears of, whatever a route says."
    )
    send_resolved: bool = Field(
        default=True, description="Whether it hears of an alert's end, if it heard of the alert."
    )
    quiet_hours: QuietHours | None = Field(
        None,
        description="Its own quiet hours instead of those of [alerts]; an empty list for none.",
        examples=["22:00-07:00"],
    )


class _AppriseReceiver(_Receiver):
    """What names a service of Apprise: a URL, in one of three ways, or its parts."""

    url: SecretText | None = Field(
        None,
        description="Apprise URL; often holds a secret, so keep this file private then.",
        examples=["json://127.0.0.1:8080/hook"],
    )
    url_file: FilePath | None = Field(
        None,
        description="File that holds the URL.",
        examples=["/run/secrets/ops-url"],
    )
    target: Target | None = Field(
        None,
        description="Instead of a URL: the Apprise service spelled out, nothing encoded.",
    )
    url_command: Annotated[SecretCommand | None, one_of_three("url", "target")] = Field(
        None,
        validate_default=True,
        description="Command that prints the URL: a list of arguments, run without a shell.",
        examples=[["pass", "show", "ops-url"]],
    )

    def _url(self) -> Secret:
        value = self.url.get_secret_value() if self.url else None
        return Secret("url", value, self.url_file, self.url_command)


class AppriseReceiver(_AppriseReceiver):
    """Someone to tell through one of Apprise's services."""

    type: Literal["apprise"] = Field(description="The kind of receiver.")

    def targets(self) -> tuple[Secret | Target, ...]:
        """What to tell, one by one; `reveal()` of each gives what `Apprise.add` takes."""
        return self.target.each() if self.target else (self._url(),)


class OwnerReceiver(_AppriseReceiver):
    """The owner of each mailbox, told by mail through the given mail service of Apprise.

    Owners hear of what they can mend: usage, forecast, unread and uncollected.
    """

    type: Literal["owner"] = Field(description="The kind of receiver.")
    contact: Line | None = Field(
        None,
        description="Whom owners can ask; the last line of their messages.",
        examples=["the help desk, help@example.com"],
    )

    @field_validator("url")
    @classmethod
    def _url_of_mail(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not is_mail(url.get_secret_value()):
            raise ValueError(_NO_MAIL)
        return url

    @field_validator("target")
    @classmethod
    def _target_of_mail(cls, target: Target | None) -> Target | None:
        if target and target.service not in MAIL_SERVICES:
            raise ValueError(_NO_MAIL)
        if target and target.targets:
            raise ValueError("must not have targets: the owner of each mailbox is told")
        return target

    def targets(self) -> tuple[Secret | Target, ...]:
        """None that is fixed: it depends on the mailbox who is told, see `mail_to`."""
        return ()

    def mail_to(self, address: str) -> OwnersMail:
        """The target that is this owner."""
        return OwnersMail(self.target or self._url(), address)


Receiver = AppriseReceiver | OwnerReceiver | AlertmanagerReceiver
