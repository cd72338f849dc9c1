"""Settings that are a list of names with numbers: `acme=200,CRITICAL=300`."""

from ops.errors import SettingsError


def amounts(setting: str, text: str) -> dict[str, float]:
    """The numbers by name.

    Raises:
        SettingsError: a part is no `name=number` with a number from 0.

    >>> amounts("tenant_quotas", "acme=200, *=1000")
    {'acme': 200.0, '*': 1000.0}
    """
    found = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, number = (piece.strip() for piece in part.rpartition("="))
        try:
            amount = float(number)
        except ValueError:
            amount = -1.0
        if not equals or not name or not 0 <= amount < float("inf"):
            what = f"BREAKWATER_{setting.upper()}: {part!r} is no name=number. Write, for example, acme=200,*=1000."
            raise SettingsError(what)
        found[name] = amount
    return found
