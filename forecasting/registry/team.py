"""What a team's MLflow server has to hold before the first retraining: models by name, a role, logins of people."""

import secrets
from collections.abc import Sequence
from typing import Any

from features.errors import InputError
from forecasting.registry.champions import registered_name
from forecasting.registry.store import or_none, ready_client, store_failures

OPERATOR = "operator"
"""The role that may change every experiment and model; everybody else with a login reads."""
WORKSPACE = "default"
PASSWORD_BYTES = 18


def make_team(
    uri: str, series: Sequence[tuple[str, str]], operators: Sequence[str], readers: Sequence[str]
) -> list[str]:
    """Makes what is missing on an MLflow server, as its administrator; what is there stays as it is.

    A server with logins says "permission denied" of a model that does not exist yet, to operators too, so that each
    series needs its own before it is retrained.

    Parameters
    ----------
    uri : str
        Of the server.
    series : sequence of (str, str)
        Theatre and weapon class of each series that gets a registered model.
    operators, readers : sequence of str
        Logins, made where they are missing. An operator who is there already gets the role.

    Returns
    -------
    list of str
        What was made, in lines; a new login with its password, which is shown nowhere else. Empty where nothing was
        missing.

    Raises
    ------
    InputError
        For a login that is to be both, and for logins where the server has none.
    SalvocastError
        Where the server cannot be reached, or does not let this account do it.
    """
    if both := sorted({*operators} & {*readers}):
        raise InputError(f"{', '.join(both)} cannot be operator and reader: expected one of the two")
    with store_failures(uri):
        client = ready_client(uri)
        made = []
        for theatre, weapon_class in series:
            name = registered_name(theatre, weapon_class)
            if or_none(client.create_registered_model, name) is not None:
                made.append(f"model {name}")
        logins = _logins_of(uri)
        if logins is None:
            if operators or readers:
                raise InputError(f"{uri} has no logins: start it as experiments/deploy says, or leave out the people")
            return made
        return made + _make_logins(logins, operators, readers)


class _Logins:
    """The part of MLflow's REST API of logins and roles that is needed here.

    Its own client is a part of the server, which imports half of Flask; commands that used it were seen not to end.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def ask(self, endpoint: str, **given: object) -> Any:
        """Reads; `make` writes."""
        return self._request(endpoint, "GET", params=given)

    def make(self, endpoint: str, **given: object) -> Any:
        return self._request(endpoint, "POST", json=given)

    def _request(self, endpoint: str, method: str, **content: object) -> Any:
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request, verify_rest_response

        answered = http_request(get_default_host_creds(self._uri), endpoint, method, **content)
        return verify_rest_response(answered, endpoint).json()

    def user(self, name: str) -> Any:
        return self.ask("/api/2.0/mlflow/users/get", username=name)

    def roles(self) -> list[dict[str, Any]]:
        return list(self.ask(f"{_ROLES}/list", workspace=WORKSPACE)["roles"])


_ROLES = "/api/3.0/mlflow/roles"


def _logins_of(uri: str) -> _Logins | None:
    """The logins of the server; None where it has none."""
    if not uri.startswith(("http:", "https:")):
        return None
    from mlflow.exceptions import MlflowException

    logins = _Logins(uri)
    try:
        logins.roles()
    except MlflowException as error:
        if error.error_code in ("ENDPOINT_NOT_FOUND", "NOT_FOUND", "RESOURCE_DOES_NOT_EXIST"):
            return None
        raise
    return logins


def _make_logins(logins: _Logins, operators: Sequence[str], readers: Sequence[str]) -> list[str]:
    made = []
    role = next((each for each in logins.roles() if each["name"] == OPERATOR), None)
    if role is None:
        role = logins.make(f"{_ROLES}/create", workspace=WORKSPACE, name=OPERATOR)["role"]
        made.append(f"role {OPERATOR}")
    held = logins.ask(f"{_ROLES}/permissions/list", role_id=str(role["id"]))["role_permissions"]
    granted = {(each["resource_type"], each["resource_pattern"], each["permission"]) for each in held}
    for kind in ("experiment", "registered_model"):
        if (kind, "*", "MANAGE") not in granted:
            grant = {"resource_type": kind, "resource_pattern": "*", "permission": "MANAGE"}
            logins.make(f"{_ROLES}/permissions/add", role_id=role["id"], **grant)
            made.append(f"permission of {OPERATOR} to manage every {kind}")
    for name in dict.fromkeys((*operators, *readers)):
        if or_none(logins.user, name) is None:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            logins.make("/api/2.0/mlflow/users/create", username=name, password=password)
            made.append(f"login {name} with the password {password}")
        roles = logins.ask("/api/3.0/mlflow/users/roles/list", username=name)["roles"]
        if name in operators and role["id"] not in [each["id"] for each in roles]:
            logins.make(f"{_ROLES}/assign", username=name, role_id=role["id"])
            made.append(f"role {OPERATOR} of {name}")
    return made
