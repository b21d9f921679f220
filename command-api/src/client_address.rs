//! Where a request comes from.
//!
//! The address of the peer; when that is a proxy of ours, what the proxy says in `X-Forwarded-For`. Every
//! proxy adds the address it was called from at the right, and anybody can send what is left of that: the
//! list is read from the right, over the proxies that are trusted, to the first address that is not one.
//! `Forwarded` (RFC 7239) is not read: a proxy that writes only one of the two passes the other on as the
//! client sent it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::Request;
use poem::http::{HeaderMap, HeaderName};

/// What proxies say where requests come from.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that are trusted to say where requests come from.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// A network that is not written as one, or that everybody is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is an address or a network like 10.0.0.0/8, and not everybody")]
pub struct ProxyError;

impl TrustedProxies {
    /// Trusts these addresses and networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    /// [`ProxyError`].
    pub fn try_new(networks: &[String]) -> Result<Self, ProxyError> {
        let networks = networks.iter().map(|text| {
            let network = match text.parse::<IpAddr>() {
                Ok(address) => IpNet::from(address),
                Err(_) => text.parse().map_err(|_| ProxyError)?,
            };
            // Whoever is trusted says any address they like.
            if network.prefix_len() == 0 {
                return Err(ProxyError);
            }
            Ok(network)
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Where a request comes from, unless it did not come over a network.
    #[must_use]
    pub fn client(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.remote_addr().as_socket_addr()?;
        Some(self.client_behind(peer.ip(), request.headers()))
    }

    fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            // What cannot be read hides what is behind it: the proxy that passed it on answers for it.
            let Some(next) = read(hop) else { break };
            client = next;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, with or without a port.
fn read(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(hop)
        .parse()
        .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()))
        .map(|address: IpAddr| address.to_canonical())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> TrustedProxies {
        let networks: Vec<String> = networks.iter().map(|text| (*text).to_owned()).collect();
        TrustedProxies::try_new(&networks).unwrap()
    }

    fn client(proxies: &TrustedProxies, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        headers.append("forwarded", "for=6.6.6.6".parse().unwrap());
        let client = proxies.client_behind(peer.parse().unwrap(), &headers);
        client.to_string()
    }

    #[test]
    fn nobody_else_is_believed() {
        let (none, some) = (proxies(&[]), proxies(&["10.0.0.0/8"]));
        for stranger in ["203.0.113.9", "2001:db8::9"] {
            for claimed in ["198.51.100.1", "127.0.0.1", "10.0.0.1", "1.2.3.4, 10.0.0.1"] {
                assert_eq!(client(&none, stranger, &[claimed]), stranger);
                assert_eq!(client(&some, stranger, &[claimed]), stranger);
            }
        }
        assert_eq!(client(&none, "10.0.0.1", &["198.51.100.1"]), "10.0.0.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_of_ours_is_the_client() {
        let proxies = proxies(&["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);
        for (forwarded, expected) in [
            (vec![], "10.0.0.1"),
            (vec!["198.51.100.1"], "198.51.100.1"),
            // Whatever the client itself has sent stands to the left.
            (vec!["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (vec!["127.0.0.1,10.0.0.5,198.51.100.1"], "198.51.100.1"),
            (vec!["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            (vec!["1.1.1.1", "198.51.100.1 , 10.2.3.4"], "198.51.100.1"),
            (vec!["198.51.100.1", "10.2.3.4, 192.0.2.7"], "198.51.100.1"),
            (vec!["198.51.100.1:4711"], "198.51.100.1"),
            (vec!["::ffff:198.51.100.1"], "198.51.100.1"),
            (vec!["::ffff:10.9.9.9"], "10.9.9.9"),
            (vec!["[2001:db8::1]:4711"], "2001:db8::1"),
            (vec!["[2001:db8::1]"], "2001:db8::1"),
            (vec!["2001:db8::1, fd00::2"], "2001:db8::1"),
            // All of them are ours: the one that is furthest away.
            (vec!["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            assert_eq!(
                client(&proxies, "10.0.0.1", &forwarded),
                expected,
                "{forwarded:?}"
            );
            assert_eq!(client(&proxies, "::ffff:10.0.0.1", &forwarded), expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_the_last_proxys() {
        let proxies = proxies(&["10.0.0.0/8"]);
        for hostile in [
            "unknown",
            "",
            ",",
            "1.1.1.1, ",
            "1.1.1.1, 999.1.1.1",
            "1.1.1.1, _hidden",
            "1.1.1.1, 198.51.100.1:99999",
            "1.1.1.1, [::1",
            "1.1.1.1, 0x7f.1",
            "1.1.1.1; 2.2.2.2",
        ] {
            assert_eq!(
                client(&proxies, "10.0.0.1", &[hostile]),
                "10.0.0.1",
                "{hostile}"
            );
        }
        let behind = "1.1.1.1, rubbish, 10.0.0.2";
        assert_eq!(client(&proxies, "10.0.0.1", &[behind]), "10.0.0.2");
        let mut headers = HeaderMap::new();
        let bytes = poem::http::HeaderValue::from_bytes(b"1.1.1.1, \xff").unwrap();
        headers.append(FORWARDED_FOR, bytes);
        let found = proxies.client_behind("10.0.0.1".parse().unwrap(), &headers);
        assert_eq!(found.to_string(), "10.0.0.1");
    }

    #[test]
    fn proxies_are_networks_and_not_everybody() {
        let refused = |text: &str| TrustedProxies::try_new(&[text.to_owned()]).is_err();
        for text in ["", "proxy.example", "10.0.0.0/33", "0.0.0.0/0", "::/0", "*"] {
            assert!(refused(text), "{text}");
        }
        for text in ["10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"] {
            assert!(!refused(text), "{text}");
        }
    }
}
