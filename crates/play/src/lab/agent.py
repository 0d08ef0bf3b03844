# The processes of the lab: servers, clients, and who types the commands. Reads a plan of one JSON
# object from the file named first; every socket is made inside a namespace of the lab. With a
# second argument it stops itself (SIGSTOP) at the end of the plan instead of ending.
import ctypes, errno, json, os, re, selectors, select, shutil, signal, socket, struct, subprocess
import sys, threading, time

plan = json.load(open(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
HOME = os.open('/proc/self/ns/net', os.O_RDONLY)


class Inside:
    def __init__(self, netns):
        self.netns = netns

    def __enter__(self):
        fd = os.open('/run/netns/' + self.netns, os.O_RDONLY)
        try:
            if libc.setns(fd, 0x40000000):
                raise OSError(ctypes.get_errno(), 'setns ' + self.netns)
        finally:
            os.close(fd)

    def __exit__(self, *_):
        if libc.setns(HOME, 0x40000000):
            os._exit(9)


def command(netns, argv, stdin=None):
    argv = ['nsenter', '--net=/run/netns/' + netns] + argv
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=30)


def tool(name):
    # The rules are those of iptables-legacy; where only one iptables is, it is taken.
    legacy = name.replace('iptables', 'iptables-legacy')
    return legacy if shutil.which(legacy) else name


# ---- servers -------------------------------------------------------------------------------------

accepted = []
events = selectors.DefaultSelector()


def listen(service):
    udp = service['proto'] == 17
    with Inside(service['netns']):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((service['addr'], service['port']))
    if not udp:
        s.listen(64)
    s.setblocking(False)
    events.register(s, selectors.EVENT_READ, ('udp' if udp else 'listen', service, b''))


# The addresses that the speaker of each namespace answers ARP for, and its sockets with the MAC of
# each NIC.
announced, nics = {}, {}
BROADCAST = b'\xff' * 6


def speak(netns, names):
    with Inside(netns):
        for name in names:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
            s.bind((name, 0x0806))
            s.setblocking(False)
            mac = s.getsockname()[4]
            nics.setdefault(netns, []).append((s, mac))
            events.register(s, selectors.EVENT_READ, ('arp', netns, mac))


def arp(s, to, op, mac, addr, tha, tpa):
    s.send(to + mac + struct.pack('>HHHBBH', 0x0806, 1, 0x0800, 6, 4, op) + mac + addr + tha + tpa)


def answer_arp(s, netns, mac):
    data, about = s.recvfrom(65536)
    op, asker, tpa = struct.unpack('>H', data[20:22])[0], data[22:32], data[38:42]
    is_to_us = about[2] != 4 and data[:6] in (BROADCAST, mac)            # 4: PACKET_OUTGOING
    if is_to_us and op == 1 and socket.inet_ntoa(tpa) in announced[netns]:
        arp(s, asker[:6], 2, mac, tpa, asker[:6], asker[6:])


def announce(step):
    """A speaker after an election: gratuitous ARP for each address that is new."""
    netns = step['netns']
    announced[netns] = set(step['addrs'])
    for addr in step['new']:
        own = socket.inet_aton(addr)
        for s, mac in nics[netns]:
            for op in (1, 2):
                arp(s, BROADCAST, op, mac, own, BROADCAST, own)
    return []


def serve_one(key):
    kind, service, got = key.data
    s = key.fileobj
    try:
        if kind == 'arp':
            answer_arp(s, service, got)
        elif kind == 'udp':
            data, peer = s.recvfrom(65536)
            if service['parts'] == 'dns':
                data = bytes.fromhex(plan['dns'].get(data.hex(), ''))
                time.sleep(0.002)              # a resolver's second query is on its way by now
            if data:
                s.sendto(data, peer)
        elif kind == 'listen':
            c, peer = s.accept()
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c.setblocking(False)
            accepted.append((service['name'], '%s:%d' % peer))
            events.register(c, selectors.EVENT_READ, ('open', service, b''))
        else:
            data = s.recv(65536)
            got += data
            if not data:
                events.unregister(s)
                s.close()
                return
            if service['parts'] != 'dns' and got.endswith(b'\r\n\r\n'):
                for part in service['parts']:
                    s.send(part.encode('latin-1'))
                got = b''
            events.modify(s, selectors.EVENT_READ, (kind, service, got))
    except OSError:
        if kind == 'open':
            events.unregister(s)
            s.close()


def serve():
    while True:
        for key, _ in events.select(1):
            serve_one(key)


# ---- clients -------------------------------------------------------------------------------------

ICMP = {(0, 0): 'echo-reply', (3, 0): 'net-unreach', (3, 1): 'host-unreach', (3, 2): 'proto-unreach', (3, 3): 'port-unreach',
        (3, 4): 'frag-needed', (3, 9): 'net-prohib', (3, 10): 'host-prohib', (3, 13): 'admin-prohib', (11, 0): 'time-exceeded'}


def why(e):
    return errno.errorcode.get(e.errno, 'timeout') if e.errno else 'timeout'


def length_of(head):
    m = re.search(rb'(?i)content-length: *(\d+)', head)
    return int(m.group(1)) if m else 0


def ip_options(s, step):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, step['ttl'])
    s.setsockopt(socket.IPPROTO_IP, 10, {'want': 1, 'do': 2, 'dont': 0}[step['pmtudisc']])   # IP_MTU_DISCOVER


def tcp(step):
    deadline = time.monotonic() + step['timeout']
    with Inside(step['netns']):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ip_options(s, step)
        s.settimeout(step['timeout'])
        s.bind(('', step['sport']))
        try:
            s.connect((step['addr'], step['port']))
        except OSError as e:
            return ['connect: ' + why(e)]
        if step['pause']:
            time.sleep(step['pause'])
        s.sendall(step['request'].encode('latin-1'))
        got = b''
        try:
            while True:
                s.settimeout(max(0.001, deadline - time.monotonic()))
                data = s.recv(65536)
                if not data:
                    break
                got += data
                head, end, body = got.partition(b'\r\n\r\n')
                if end and len(body) >= length_of(head):
                    break
        except OSError as e:
            return ['recv: ' + why(e)]
        me = '%s:%d' % s.getsockname()
        server = '; server %s saw peer %s' % accepted[-1] if accepted else ''
        return ['%s -> %s: %s %d bytes%s' % (me, step['to'], got[:15].decode('latin-1'), len(got), server)]
    finally:
        s.close()


def checksum(data):
    if len(data) & 1:
        data += b'\0'
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff ^ total


def ping(step):
    with Inside(step['netns']):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    out = []
    try:
        ip_options(s, step)
        waiting = set()
        for i in range(step['count']):
            began = time.monotonic()
            last = i + 1 == step['count']
            body = bytes(n & 255 for n in range(step['size']))
            head = struct.pack('>BBHHH', 8, 0, 0, step['id'], step['seq'] + i)
            head = head[:2] + struct.pack('>H', checksum(head + body)) + head[4:]
            try:
                s.sendto(head + body, (step['addr'], 0))
                waiting.add(step['seq'] + i)
            except OSError as e:
                out.append('sendto: ' + why(e))
            out += answers(s, step, waiting, began + (step['timeout'] if last else step['interval']), last)
        return out + ['ping %s: no answer' % step['to']] * len(waiting)
    finally:
        s.close()


def answers(s, step, waiting, deadline, last):
    """What is heard until then; after the last question no longer than something is waited for."""
    out = []
    while waiting or not last:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([s], [], [], left)[0]:
            break
        data, peer = s.recvfrom(65536)
        icmp = data[(data[0] & 15) * 4:]
        about = icmp
        if icmp[0] in (3, 11):
            quoted = icmp[8:]
            about = quoted[(quoted[0] & 15) * 4:]
        elif icmp[0] != 0:
            continue
        ident, seq = struct.unpack('>HH', about[4:8])
        if ident != step['id'] or seq not in waiting:
            continue
        waiting.discard(seq)
        mtu = ' mtu=%d' % struct.unpack('>H', icmp[6:8]) if icmp[:2] == b'\x03\x04' else ''
        name = ICMP.get((icmp[0], icmp[1]), '%d/%d' % (icmp[0], icmp[1]))
        out.append('ping %s: %s from %s ttl=%d%s' % (step['to'], name, peer[0], data[8], mtu))
    return out


def segment(step):
    """One TCP segment without a connection, as hping3 sends it."""
    to = (step['addr'], step['port'])
    with Inside(step['netns']):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        ip_options(s, step)
        try:
            way.connect(to)
            me = socket.inet_aton(way.getsockname()[0])
            ack = 1 if step['flags'] & 16 else 0
            body = b'x' * step['size']
            ports, control = (step['sport'], step['port']), (5 << 4, step['flags'])
            head = struct.pack('>HHIIBBHHH', *ports, 1, ack, *control, 512, 0, 0)
            pseudo = me + socket.inet_aton(step['addr']) + struct.pack('>BBH', 0, 6, len(head) + len(body))
            head = head[:16] + struct.pack('>H', checksum(pseudo + head + body)) + head[18:]
            s.sendto(head + body, (step['addr'], 0))
        except OSError as e:
            return ['segment %s: %s' % (step['to'], why(e))]
        deadline = time.monotonic() + step['timeout']
        while select.select([s], [], [], max(0, deadline - time.monotonic()))[0]:
            data, peer = s.recvfrom(65536)
            got = data[(data[0] & 15) * 4:]
            if peer[0] == to[0] and struct.unpack('>HH', got[:4]) == (step['port'], step['sport']):
                if got[13] & 4:
                    return ['segment %s: reset' % step['to']]
                letters = ((2, 'S'), (1, 'F'), (8, 'P'), (16, '.'))
                flags = ''.join(letter for bit, letter in letters if got[13] & bit)
                return ['segment %s: %s from %s ttl=%d' % (step['to'], flags, peer[0], data[8])]
        return ['segment %s: no answer' % step['to']]
    finally:
        s.close()
        way.close()


def look_up(step, asked):
    """All queries about one name, from one socket, as glibc's resolver sends them."""
    with Inside(step['netns']):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deadline = time.monotonic() + asked['wait']
    try:
        s.bind(('', asked['port']))
        s.connect((asked['server'], 53))
        for query in asked['queries']:
            s.send(bytes.fromhex(query))
        for _ in asked['queries']:
            s.settimeout(max(0.001, deadline - time.monotonic()))
            s.recv(65536)
        return 'lookup %s answered' % asked['name']
    except OSError as e:
        return 'lookup %s %s' % (asked['name'], why(e))
    finally:
        s.close()


def udp(step):
    with Inside(step['netns']):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    words = []
    try:
        if not step['checksum']:
            s.setsockopt(socket.SOL_SOCKET, 11, 1)                     # SO_NO_CHECK
        ip_options(s, step)
        s.settimeout(step['timeout'])
        s.bind(('', step['sport']))
        try:
            s.connect((step['addr'], step['port']))
            for _ in range(step['count']):
                s.send(b'q' * step['size'])
                s.recv(65536)
                words.append('reply')
        except OSError as e:
            words.append(why(e))
        return ['udp %s: %s' % (step['to'], ' '.join(words))]
    finally:
        s.close()


# ---- who types -----------------------------------------------------------------------------------

def pin(netns, chain, k):
    """From now on the k-th choice of a chain is taken; counters stay."""
    text = command(netns, [tool('iptables-save'), '-c', '-t', 'nat']).stdout.split('\n')
    n, head = 0, re.compile(r'\[\d+:\d+\] -A %s ' % re.escape(chain))
    for i, line in enumerate(text):
        at = line.rfind('--probability ')
        if head.match(line) and at >= 0:
            n += 1
            rest = line[at + 14:].partition(' ')
            text[i] = line[:at] + '--probability ' + ('1.0' if n == k else '0.0') + rest[1] + rest[2]
    done = command(netns, [tool('iptables-restore'), '-c', '-T', 'nat'], '\n'.join(text))
    if done.returncode:
        raise SystemExit('pin %s %s: %s' % (netns, chain, done.stderr))


def shell(step):
    done = command(step['netns'], [tool(step['argv'][0])] + step['argv'][1:], step['stdin'])
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        return ['%s failed' % step['argv'][0]]
    return []


def perform(step):
    kinds = {'tcp': tcp, 'segment': segment, 'udp': udp, 'icmp': ping, 'run': shell, 'announce': announce, 'nothing': lambda _: []}
    lines = [look_up(step, asked) for asked in step.get('lookup', [])] + kinds[step['kind']](step)
    return ['step %d: %s' % (step['step'], line) for line in lines]


def later(began, step, lines):
    def act():
        time.sleep(max(0, began + step['after'] - time.monotonic()))
        lines.extend(perform(step))
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def play():
    began = time.monotonic()
    for step in plan['steps']:
        for p in step['pins']:
            pin(p['netns'], p['chain'], p['choice'])
        time.sleep(max(0, began + step['at'] - time.monotonic()))
        start = time.monotonic()
        during = [(s, []) for s in step.get('during', [])]
        threads = [later(start, s, lines) for s, lines in during]
        lines = perform(step)
        for t in threads:
            t.join()
        for line in sum((more for _, more in during), lines):
            print(line, flush=True)
    time.sleep(max(0, began + plan['end'] - time.monotonic()))


for speaker in plan['speakers']:
    announced[speaker['netns']] = set(speaker['addrs'])
    speak(speaker['netns'], speaker['nics'])
for service in plan['services']:
    listen(service)
threading.Thread(target=serve, daemon=True).start()
play()
# The end of this process would close every connection.
if len(sys.argv) > 2:
    os.kill(os.getpid(), signal.SIGSTOP)
