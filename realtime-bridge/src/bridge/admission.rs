//! Which connections are taken on: their origin and their number. Who the client is, is asked of the
//! [`Gatekeeper`](super::gatekeeper::Gatekeeper) after that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use poem::Request;
use poem::http::{Uri, header};

use super::refusal::Refusal;
use super::settings::BridgeSettings;

/// Judges and counts connections.
#[derive(Debug)]
pub(super) struct Admission {
    max_connections: usize,
    max_connections_per_address: usize,
    allowed_origins: Vec<String>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    count: u32,
    by_address: HashMap<IpAddr, usize>,
}

/// Where a request comes from, put into it by whoever knows the proxies in between; without it, the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// A connection that was let in; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    pub(super) fn new(settings: &BridgeSettings) -> Self {
        Self {
            max_connections: settings.max_connections,
            max_connections_per_address: settings.max_connections_per_address,
            allowed_origins: settings.allowed_origins.clone(),
            connections: Mutex::default(),
        }
    }

    /// Lets a request in or not.
    pub(super) fn admit(self: &Arc<Self>, request: &Request) -> Result<Admitted, Refusal> {
        if !self.allows_origin(request) {
            return Err(Refusal::OriginNotAllowed);
        }
        let address = match request.data::<ClientAddress>() {
            Some(ClientAddress(address)) => Some(*address),
            None => request
                .remote_addr()
                .as_socket_addr()
                .map(|address| address.ip()),
        };
        self.count(address)?;
        Ok(Admitted {
            admission: Arc::clone(self),
            address,
        })
    }

    /// Browsers always say the origin of the page; programs need not, and are let in.
    fn allows_origin(&self, request: &Request) -> bool {
        let Some(origin) = request.headers().get(header::ORIGIN) else {
            return true;
        };
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        self.allowed_origins.iter().any(|allowed| allowed == origin)
            || is_same_origin(origin, request)
    }

    fn count(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        let mut connections = self.lock();
        let count = usize::try_from(connections.count).unwrap_or(usize::MAX);
        if count >= self.max_connections {
            return Err(Refusal::TooManyConnections);
        }
        if let Some(address) = address {
            let of_address = connections.by_address.entry(address).or_default();
            if *of_address >= self.max_connections_per_address {
                return Err(Refusal::TooManyConnectionsFromAddress);
            }
            *of_address += 1;
        }
        connections.count += 1;
        metrics::gauge!("daybook_bridge_connections").set(connections.count);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut connections = self.admission.lock();
        connections.count = connections.count.saturating_sub(1);
        metrics::gauge!("daybook_bridge_connections").set(connections.count);
        if let Some(address) = self.address
            && let Some(of_address) = connections.by_address.get_mut(&address)
        {
            *of_address -= 1;
            if *of_address == 0 {
                connections.by_address.remove(&address);
            }
        }
    }
}

/// Whether the page's host and port are those the request was sent to. The scheme is not compared:
/// behind a proxy that ends TLS it differs.
fn is_same_origin(origin: &str, request: &Request) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let (Some(of_page), Some(host)) = (
        origin.authority(),
        request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok()),
    ) else {
        return false;
    };
    of_page.as_str().eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(settings: BridgeSettings) -> Arc<Admission> {
        Arc::new(Admission::new(&settings))
    }

    fn request(origin: Option<&str>) -> Request {
        let mut builder = Request::builder().header("host", "daybook.example:8080");
        if let Some(origin) = origin {
            builder = builder.header("origin", origin);
        }
        builder.finish()
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let admission = admission(BridgeSettings {
            allowed_origins: vec!["https://console.example".to_owned()],
            ..BridgeSettings::default()
        });
        for allowed in [
            None,
            Some("http://daybook.example:8080"),
            Some("https://DAYBOOK.example:8080"),
            Some("https://console.example"),
        ] {
            assert!(admission.admit(&request(allowed)).is_ok(), "{allowed:?}");
        }
        for refused in [
            "null",
            "",
            "https://evil.example",
            "http://daybook.example",
            "https://console.example.evil.example",
            "https://console.example:444",
            "http://daybook.example:8080.evil.example",
        ] {
            let refusal = admission.admit(&request(Some(refused))).err();
            assert_eq!(refusal, Some(Refusal::OriginNotAllowed), "{refused}");
        }
    }

    #[test]
    fn clients_behind_a_proxy_are_counted_by_themselves() {
        let admission = admission(BridgeSettings {
            max_connections_per_address: 1,
            ..BridgeSettings::default()
        });
        let from = |address: [u8; 4]| {
            let mut request = request(None);
            request.set_data(ClientAddress(address.into()));
            admission.admit(&request)
        };
        let _first = from([198, 51, 100, 1]).unwrap();
        assert_eq!(
            from([198, 51, 100, 1]).err(),
            Some(Refusal::TooManyConnectionsFromAddress)
        );
        assert!(from([198, 51, 100, 2]).is_ok());
    }

    #[test]
    fn connections_are_counted_until_they_end() {
        let admission = admission(BridgeSettings {
            max_connections: 3,
            max_connections_per_address: 2,
            ..BridgeSettings::default()
        });
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let enter = |address: IpAddr| {
            admission.count(Some(address)).map(|()| Admitted {
                admission: Arc::clone(&admission),
                address: Some(address),
            })
        };
        let first = enter(one).unwrap();
        let _second = enter(one).unwrap();
        assert_eq!(
            enter(one).err(),
            Some(Refusal::TooManyConnectionsFromAddress)
        );
        let _third = enter(other).unwrap();
        assert_eq!(enter(other).err(), Some(Refusal::TooManyConnections));
        drop(first);
        assert!(enter(one).is_ok());
    }
}
