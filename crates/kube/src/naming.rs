//! Names that components make up: chain names, pod names, MACs. Where the real ones are random,
//! these are drawn from the topology's seed.

use data_encoding::BASE32;
use net::rng;
use net::wire::Mac;
use sha2::{Digest, Sha256, Sha512};

/// The letters of generated names (`k8s.io/apimachinery/pkg/util/rand`, v1.10).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// `KUBE-SVC-…` of a service port (`pkg/proxy/iptables`, `portProtoHash`): the first 16 letters of
/// the base32 of the SHA-256 of its name and its protocol in lower case.
pub fn service_chain(prefix: &str, service_port: &str, proto: &str) -> String {
    hashed(prefix, &format!("{service_port}{proto}"))
}

/// `KUBE-SEP-…` of one endpoint of a service port.
pub fn endpoint_chain(service_port: &str, proto: &str, endpoint: &str) -> String {
    hashed("KUBE-SEP-", &format!("{service_port}{proto}{endpoint}"))
}

fn hashed(prefix: &str, text: &str) -> String {
    let digest = BASE32.encode(&Sha256::digest(text.as_bytes()));
    format!("{prefix}{}", &digest[..16])
}

/// The name of a pod's sandbox, which the real runtime draws: 64 hexadecimal digits.
pub fn container_id(seed: u64, netns: &str) -> String {
    hex(&Sha256::digest(format!("{seed}/{netns}")))
}

/// `CNI-DN-…` and `CNI-SN-…` of a pod (`plugins/pkg/utils`): 28 letters, made of the network's name
/// and the sandbox's.
pub fn portmap_chain(prefix: &str, network: &str, container_id: &str) -> String {
    let digest = hex(&Sha512::digest(format!("{network}{container_id}")));
    format!("{prefix}{}", &digest[..28 - prefix.len()])
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .map(|n| char::from(b"0123456789abcdef"[usize::from(n)]))
        .collect()
}

/// The pod template hash in a pod's name. The real one is FNV-32a over Go's dump of the template;
/// this is FNV-32a over our own text of it.
pub fn template_hash(template: &str) -> String {
    let hash =
        template.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|d| ALPHABET[usize::from(d) % 27] as char).collect()
}

/// Five letters behind a pod's name.
pub fn pod_suffix(seed: u64, replica_set: &str, index: usize) -> String {
    let mut h = rng::hash_str(seed, &format!("{replica_set}-{index}"));
    (0..5)
        .map(|_| {
            let letter = ALPHABET[(h % 27) as usize] as char;
            h /= 27;
            letter
        })
        .collect()
}

/// A locally administered MAC for a device whose own is random.
pub fn random_mac(seed: u64, what: &str) -> Mac {
    let h = rng::hash_str(seed, what).to_be_bytes();
    Mac([(h[0] & 0xfe) | 0x02, h[1], h[2], h[3], h[4], h[5]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_articles_eight_chain_names() {
        let svc = |name, proto| service_chain("KUBE-SVC-", name, proto);
        assert_eq!(svc("default/nginx-service:", "tcp"), "KUBE-SVC-GKN7Y2BSGW4NJTYL");
        assert_eq!(svc("kube-system/kube-dns:dns", "udp"), "KUBE-SVC-TCOU7JCQXEZGVUNU");
        assert_eq!(svc("kube-system/kube-dns:dns-tcp", "tcp"), "KUBE-SVC-ERIFXISQEP7F7OF4");
        assert_eq!(svc("default/kubernetes:https", "tcp"), "KUBE-SVC-NPX46M4PTMTKRN6Y");
        let sep = |ip: &str| endpoint_chain("default/nginx-service:", "tcp", &format!("{ip}:80"));
        assert_eq!(sep("10.1.5.4"), "KUBE-SEP-E5HSR3R2B7URHFJI");
        assert_eq!(sep("10.1.5.5"), "KUBE-SEP-R2MSMBFMMKEJBLAL");
        assert_eq!(sep("10.1.6.5"), "KUBE-SEP-CAKGWV44IP65RES6");
        assert_eq!(sep("10.1.6.6"), "KUBE-SEP-2XH37R654LGYZT6Q");
    }

    #[test]
    fn encoded_hashes_use_ten_letters() {
        assert!(template_hash("x").bytes().all(|b| b"456789bcdf".contains(&b)));
    }
}
