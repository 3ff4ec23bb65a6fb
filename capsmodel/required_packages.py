"""Check that the packages of the extra `capsnet` are installed."""

from importlib.util import find_spec

REQUIRED = ("keras", "PIL", "pooch", "requests", "sklearn")
BACKENDS = ("tensorflow", "jax", "torch")


def check_required_packages() -> None:
    """Check that the network's packages can be imported, without importing them.

    Raises:
        ModuleNotFoundError: If a package is missing. The message lists all missing packages and names the
            extra to install.
    """
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if not any(find_spec(name) for name in BACKENDS):
        missing.append("tensorflow")
    if missing:
        raise ModuleNotFoundError(
            f"capsmodel requires packages that are not installed: {', '.join(missing)}; "
            "run: pip install 'capsweep[capsnet]'",
            name=missing[0],
        )
