//! What the images of containers serve, and at which ports. nginx's answer is known; anything else
//! answers `ok` to HTTP on TCP, and echoes UDP.

pub(crate) mod listen;
mod table;

use crate::cluster::Pod;
use crate::image::listen::Listening;
use crate::object::Container;
use net::socket::{Listener, ServerApp};
use net::wire::{PROTO_TCP, PROTO_UDP};
use std::rc::Rc;

/// nginx's default page, 612 bytes, as every image of nginx 1.7.9 contains it.
const NGINX_PAGE: &str = include_str!("nginx.html");

/// The name of a container's image without its registry, if it is nginx: `nginx:1.7.9`.
fn nginx(c: &Container) -> Option<&str> {
    let image = c.image.rsplit('/').next().unwrap_or_default();
    (image == "nginx" || image.starts_with("nginx:")).then_some(image)
}

/// The sockets that listen in a pod.
pub(crate) fn services(pod: &Pod) -> Vec<Listener> {
    let containers: Vec<&Container> = pod.spec.running().collect();
    let listener = |l: &Listening| {
        let nginx = containers.get(l.container).and_then(|c| nginx(c));
        let app = match (l.at.protocol, nginx.filter(|_| l.at.port == 80)) {
            ("UDP", _) => ServerApp::Echo,
            (_, Some(image)) => http(&nginx_answer(image)),
            _ => generic(),
        };
        let proto = if l.at.protocol == "UDP" { PROTO_UDP } else { PROTO_TCP };
        Listener { proto, addr: l.at.addr.map(Into::into), port: l.at.port, app }
    };
    pod.listening.iter().map(listener).collect()
}

/// A server that answers every request with `ok`.
pub(crate) fn generic() -> ServerApp {
    let body = "ok\n";
    http(&[format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )])
}

/// A server whose answer leaves in these segments.
fn http(segments: &[String]) -> ServerApp {
    ServerApp::Http(segments.iter().map(|s| Rc::from(s.as_bytes())).collect())
}

/// nginx's answer, head and body each in a segment of its own. Of 1.7.9 they have 237 and 612
/// bytes.
fn nginx_answer(image: &str) -> Vec<String> {
    let tag = image.split_once(':').map(|(_, tag)| tag);
    let version = tag.filter(|t| t.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("1.7.9");
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: nginx/{version}\r\n\
         Date: Sun, 10 Jun 2018 08:00:00 GMT\r\nContent-Type: text/html\r\n\
         Content-Length: {}\r\nLast-Modified: Tue, 23 Dec 2014 16:25:09 GMT\r\n\
         Connection: keep-alive\r\nETag: \"54999765-264\"\r\nAccept-Ranges: bytes\r\n\r\n",
        NGINX_PAGE.len()
    );
    vec![head, NGINX_PAGE.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_answers_with_the_recorded_sizes() {
        let sizes: Vec<_> = nginx_answer("nginx:1.7.9").iter().map(String::len).collect();
        assert_eq!(sizes, [237, 612]);
    }
}
