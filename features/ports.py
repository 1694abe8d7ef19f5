"""A port to listen at, bound before anything is loaded, so that one that is taken is told at once."""

import socket

from features.errors import SalvocastError


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Parameters
    ----------
    host : str
        An address of this machine, of IPv4 or IPv6.
    port : int
        0 takes any that is free.

    Returns
    -------
    socket.socket
        Inheritable by processes that are started.

    Raises
    ------
    SalvocastError
        Where it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SalvocastError(
            f"cannot listen at {host} port {port} ({error.strerror}): choose another --port or --host"
        ) from error
    listening.listen(2048)
    listening.set_inheritable(True)
    return listening
