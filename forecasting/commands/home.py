"""`salvocast home`: where the files are kept, and what to do after the folder was copied or moved."""

import typer

home = typer.Typer(help="The folder with ledger and models: check it, and make it its own after it was copied.")


@home.command("check")
def check() -> None:
    """Whether the tracking store names its own files; exit code 1 where it is a copy that names those of another."""
    from features.home import salvocast_home
    from forecasting.registry import refuse_copied_store, tracking_uri

    refuse_copied_store(tracking_uri())
    print(f"{salvocast_home()}: every place that the tracking store names is its own")


@home.command("move")
def move() -> None:
    """Make a copied or moved home name its own files; the home that it was copied from is left as it is."""
    from features.home import salvocast_home
    from forecasting.registry import move_places, tracking_uri

    changed = move_places(tracking_uri())
    print(f"{salvocast_home()}: {changed} places now name its own files" if changed else "nothing to move")
