//! Capture files in the pcapng format (draft-ietf-opsawg-pcapng), with one interface block per
//! `host/device`, so that Wireshark shows where each frame was seen. Timestamps are virtual time in
//! nanoseconds.

/// A capture file under construction.
#[derive(Clone, Debug, Default)]
pub struct PcapNg {
    interfaces: Vec<String>,
    blocks: Vec<u8>,
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const LINKTYPE_ETHERNET: u16 = 1;

impl PcapNg {
    /// Adds a frame seen at `interface` (`node01/cni0`), `at_ns` nanoseconds after the start; an
    /// empty `comment` is left out.
    pub fn frame(
        &mut self,
        interface: &str,
        at_ns: u64,
        outbound: bool,
        comment: &str,
        bytes: &[u8],
    ) {
        let id = self.interfaces.iter().position(|n| n == interface).unwrap_or_else(|| {
            self.interfaces.push(interface.to_owned());
            self.interfaces.len() - 1
        });
        let mut body = Vec::with_capacity(bytes.len() + 64);
        body.extend((id as u32).to_le_bytes());
        body.extend(((at_ns >> 32) as u32).to_le_bytes());
        body.extend((at_ns as u32).to_le_bytes());
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend((bytes.len() as u32).to_le_bytes());
        padded(&mut body, bytes);
        option(&mut body, 2, &(if outbound { 2u32 } else { 1 }).to_le_bytes());
        if !comment.is_empty() {
            option(&mut body, 1, comment.as_bytes());
        }
        end_of_options(&mut body);
        block(&mut self.blocks, ENHANCED_PACKET, &body);
    }

    /// The bytes of the file.
    pub fn finish(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() + 1024);
        let mut head = Vec::new();
        head.extend(0x1a2b_3c4d_u32.to_le_bytes());
        head.extend([1, 0, 0, 0]);
        head.extend(u64::MAX.to_le_bytes());
        option(&mut head, 4, b"Packetwalk");
        end_of_options(&mut head);
        block(&mut out, SECTION_HEADER, &head);
        for name in &self.interfaces {
            let mut body = Vec::new();
            body.extend(LINKTYPE_ETHERNET.to_le_bytes());
            body.extend([0; 6]);
            option(&mut body, 2, name.as_bytes());
            option(&mut body, 9, &[9]);
            end_of_options(&mut body);
            block(&mut out, INTERFACE, &body);
        }
        out.extend(&self.blocks);
        out
    }
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    let start = out.len();
    out.extend(value);
    while !(out.len() - start).is_multiple_of(4) {
        out.push(0);
    }
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = (body.len() + 12) as u32;
    out.extend(kind.to_le_bytes());
    out.extend(len.to_le_bytes());
    out.extend(body);
    out.extend(len.to_le_bytes());
}
