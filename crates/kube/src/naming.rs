//! Names that components generate: chains, pods, MAC addresses. Where the real ones are random,
//! these are drawn from the topology's seed.

use data_encoding::{BASE32, HEXLOWER};
use net::rng;
use net::wire::Mac;
use sha2::{Digest, Sha256, Sha512};

/// The alphabet of generated names (`k8s.io/apimachinery/pkg/util/rand`, 1.10).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The chain of a Service port, `KUBE-SVC-…` (`pkg/proxy/iptables`, `portProtoHash`): 16 characters
/// of the base32 of the SHA-256 of its name and its protocol in lower case.
pub fn service_chain(prefix: &str, service_port: &str, proto: &str) -> String {
    hashed(prefix, &format!("{service_port}{proto}"))
}

/// The chain of one endpoint of a Service port, `KUBE-SEP-…`.
pub fn endpoint_chain(service_port: &str, proto: &str, endpoint: &str) -> String {
    hashed("KUBE-SEP-", &format!("{service_port}{proto}{endpoint}"))
}

fn hashed(prefix: &str, text: &str) -> String {
    let digest = BASE32.encode(&Sha256::digest(text.as_bytes()));
    format!("{prefix}{}", &digest[..16])
}

/// The ID of a pod's sandbox, 64 hexadecimal digits; random in a real runtime.
pub fn container_id(seed: u64, netns: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(format!("{seed}/{netns}")))
}

/// The portmap plugin's chains of a pod, `CNI-DN-…` and `CNI-SN-…` (`plugins/pkg/utils`,
/// `FormatChainName`): 28 characters, a hash of the network's name and the sandbox's ID.
pub fn portmap_chain(prefix: &str, network: &str, container_id: &str) -> String {
    let digest = HEXLOWER.encode(&Sha512::digest(format!("{network}{container_id}")));
    format!("{prefix}{}", &digest[..28 - prefix.len()])
}

/// The label `pod-template-hash`, part of a pod's name. The real one is FNV-32a over Go's dump of
/// the template; this is FNV-32a over a text of our own.
pub fn template_hash(template: &str) -> String {
    let hash =
        template.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|d| ALPHABET[usize::from(d) % 27] as char).collect()
}

/// The last five characters of a pod's name, of the `index`th pod of a ReplicaSet.
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

/// A locally administered unicast MAC address, for a device whose real one is random.
pub fn random_mac(seed: u64, key: &str) -> Mac {
    let h = rng::hash_str(seed, key).to_be_bytes();
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
    fn template_hashes_use_ten_characters() {
        assert!(template_hash("x").bytes().all(|b| b"456789bcdf".contains(&b)));
    }
}
