"""Parts of a server, put together as the server does, for tests of one of them."""

from __future__ import annotations

from pycall.limits import Limits
from pycall.server.admission.access import Access
from pycall.server.admission.addresses import Proxies
from pycall.server.admission.descriptors import Descriptors
from pycall.server.admission.entrance import Entrance
from pycall.server.admission.origins import Origins
from pycall.server.admission.quotas import Admission
from pycall.server.events import IceServersFor
from pycall.server.gateway import Gateway
from pycall.server.monitoring.figures import Figures
from pycall.server.store import Register, RoomStore
from pycall.server.wire.transport import SocketServer


def socket_server(manager: Register | None = None) -> SocketServer:
    """What a gateway talks through; nobody can come to it by itself."""
    limits, figures = Limits(), Figures()
    entrance = Entrance(limits, figures, proxies=Proxies(), origins=Origins(), descriptors=Descriptors())
    return SocketServer(limits, figures, entrance, manager=manager, is_instant=False)


def gateway(wire: SocketServer, store: RoomStore, ice_servers: IceServersFor = lambda *_: []) -> Gateway:
    """One without limits by address, whose rooms are open."""
    admission = Admission(Limits().off())
    return Gateway(wire, store, ice_servers=ice_servers, admission=admission, access=Access())
