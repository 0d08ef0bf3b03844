//! Files that the reader opens.

use crate::words::{self, Lang};

/// The first bytes of files that are not text, and what such a file is called.
const KINDS: [(&[u8], &str); 12] = [
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x7fELF", "ELF"),
    (b"\0asm", "WebAssembly"),
    (b"\x0a\x0d\x0d\x0a", "pcapng"),
    (b"\xd4\xc3\xb2\xa1", "pcap"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// The text of a file, without a byte order mark.
///
/// # Errors
/// The file is not UTF-8 text: what it is, and what to open instead.
pub fn text(name: &str, bytes: Vec<u8>, lang: Lang) -> Result<String, String> {
    let kind = KINDS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, kind)| *kind);
    let refused = || words::not_text(name, kind, lang);
    match String::from_utf8(bytes) {
        Ok(text) if kind.is_none() && !text.contains('\0') => {
            Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
        }
        _ => Err(refused()),
    }
}
