# Runs inside a lab: taps the named namespaces, plays the plan of the lab, and prints the results of
# the clients, every frame, and the rule counters, conntrack entries and neighbours of the nodes.
#
#   observe.py TAPPED,… NODE,…
import ctypes, mmap, os, shutil, socket, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
HOME = os.open('/proc/self/ns/net', os.O_RDONLY)
KIND = {0: 'In', 1: 'B', 2: 'M', 3: 'P', 4: 'Out'}


def enter(fd):
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), 'setns')


class Tap:
    """One AF_PACKET ring for every device of a namespace: the kernel copies each frame at the tap,
    where a plain socket would hand out bytes that the next hop may have changed since."""
    SIZE, COUNT, BLOCK = 16384, 2048, 1 << 17

    def __init__(self, netns):
        self.netns, self.next = netns, 0
        fd = os.open('/run/netns/' + netns, os.O_RDONLY)
        enter(fd)
        try:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            # PACKET_VERSION: TPACKET_V2
            s.setsockopt(263, 10, 1)
            blocks = self.SIZE * self.COUNT // self.BLOCK
            # PACKET_RX_RING
            ring = struct.pack('IIII', self.BLOCK, blocks, self.SIZE, self.COUNT)
            s.setsockopt(263, 5, ring)
            access = mmap.PROT_READ | mmap.PROT_WRITE
            self.ring = mmap.mmap(s.fileno(), self.SIZE * self.COUNT, mmap.MAP_SHARED, access)
            everywhere = struct.pack('=HHiHBB8s', socket.AF_PACKET, socket.htons(3), 0, 0, 0, 0, b'')
            if libc.bind(s.fileno(), everywhere, len(everywhere)):
                raise OSError(ctypes.get_errno(), 'bind')
            self.devices = dict(socket.if_nameindex())
            self.s = s
        finally:
            enter(HOME)
            os.close(fd)

    def frames(self):
        while True:
            at = self.next * self.SIZE
            status, length, kept, mac, _, sec, nsec = struct.unpack_from('=IIIHHII', self.ring, at)
            if not status & 1:
                return
            if status & 4 or kept < length:
                print('## lost', self.netns)
            _, _, index, _, kind, _ = struct.unpack_from('=HHiHBB', self.ring, at + 32)
            data = bytes(self.ring[at + mac:at + mac + kept])
            # Whether the device completes the checksum (TP_STATUS_CSUMNOTREADY).
            sums = 'partial' if status & 8 else 'whole'
            device, kind = self.devices.get(index, '?'), KIND.get(kind, '?')
            yield sec * 10**9 + nsec, self.netns, device, kind, sums, data
            struct.pack_into('=I', self.ring, at, 0)
            self.next = (self.next + 1) % self.COUNT


def inside(netns, *argv):
    command = ['nsenter', '--net=/run/netns/' + netns, *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout


taps = [Tap(n) for n in sys.argv[1].split(',')]
nodes = sys.argv[2].split(',')
for tap in taps:
    list(tap.frames())
print('## results', flush=True)
# The agent stops at the end of the plan: if it ended, its servers would close their connections
# first.
agent = subprocess.Popen([sys.executable, os.environ['LAB_AGENT'], os.environ['LAB_PLAN'], 'stop'])
_, status = os.waitpid(agent.pid, os.WUNTRACED)
if not os.WIFSTOPPED(status):
    sys.exit('the agent ended with status %d' % status)
print('## packets')
seen = [(f[0], i, f) for i, tap in enumerate(taps) for f in tap.frames()]
for _, _, (_, netns, device, kind, sums, data) in sorted(seen, key=lambda x: x[0]):
    # A loopback device delivers every frame twice, leaving and arriving.
    if device == 'lo' and kind == 'Out':
        continue
    print(netns, device, kind, sums, data.hex())
save = 'iptables-legacy-save' if shutil.which('iptables-legacy-save') else 'iptables-save'
for node in nodes:
    print('## counters', node)
    print(inside(node, save, '-c'), end='')
    print('## conntrack', node)
    print(inside(node, 'conntrack', '-L'), end='')
agent.kill()
