//! Which addresses a guest may reach: public ones, and those in networks that the operator names.
//!
//! What is public follows IANA's special-purpose registries (RFC 6890 and its successors): what is not known to be global is
//! not public. An IPv6 address that carries an IPv4 address is judged as what it carries, since that is where it leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether a name may lead to `address`: it is public, or one of `networks` has it.
pub(super) fn is_allowed(address: IpAddr, networks: &[IpNet]) -> bool {
    let within = |address: &IpAddr| networks.iter().any(|network| network.contains(address));
    if within(&address) {
        return true;
    }
    match carried(address) {
        Some(carried) => carried.into_iter().all(|inner| is_public_v4(inner) || within(&inner.into())),
        None => is_public(address),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let special = match a {
        // "This network" (0.0.0.0 is this machine), private, loopback.
        0 | 10 | 127 => true,
        // Shared by carriers, and what clouds put there (100.100.100.200).
        100 => b & 0xc0 == 64,
        // Link-local, where clouds answer with credentials.
        169 => b == 254,
        // Azure's own services, from within a machine.
        168 => (b, c, d) == (63, 129, 16),
        172 => b & 0xf0 == 16,
        // Protocol assignments and documentation; the relay anycast of 6to4; private.
        192 => (b == 0 && matches!(c, 0 | 2)) || (b == 88 && c == 99) || b == 168,
        // Benchmarks, documentation.
        198 => matches!(b, 18 | 19) || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        // Multicast, reserved, broadcast.
        224.. => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let special = match a {
        // Protocol assignments (benchmarks and identifiers among them) and documentation.
        0x2001 => b < 0x200 || b == 0xdb8,
        0x3fff => b < 0x1000,
        // The 6bone's, given back.
        0x3ffe => true,
        // 2000::/3 is all that is handed out to the public. What is beside it is loopback, unique local (fc00::/7), link-local
        // (fe80::/10), site-local (fec0::/10), multicast (ff00::/8), discard (100::/64), NAT64 of one's own (64:ff9b:1::/48)
        // and what nobody has yet.
        _ => a & 0xe000 != 0x2000,
    };
    !special
}

/// The IPv4 addresses that an IPv6 address stands for.
fn carried(address: IpAddr) -> Option<Vec<Ipv4Addr>> {
    let IpAddr::V6(address) = address else { return None };
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        // Loopback and unspecified are IPv6's own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Mapped, compatible, translated (SIIT), and NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(vec![v4(high, low)]),
        // 6to4.
        [0x2002, high, low, ..] => Some(vec![v4(high, low)]),
        // Teredo: its server, and its client in disguise.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            Some(vec![v4(high, low), v4(!client_high, !client_low)])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str, networks: &[&str]) -> bool {
        let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
        is_allowed(address.parse().unwrap(), &networks)
    }

    #[test]
    fn public_addresses() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.15",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert!(allowed(address, &[]), "{address}");
        }
    }

    #[test]
    fn what_is_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!allowed(address, &[]), "{address}");
            // The same, carried: mapped, compatible, SIIT, NAT64.
            for carrier in ["::ffff:", "::", "::ffff:0:", "64:ff9b::"] {
                assert!(!allowed(&format!("{carrier}{address}"), &[]), "{carrier}{address}");
            }
            let [a, b, c, d] = address.parse::<Ipv4Addr>().unwrap().octets();
            // 6to4, and Teredo with the address as its server and as its client.
            for carrier in [
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
                format!("2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}:0:0:fefe:fefe"),
                format!("2001:0:808:808:0:0:{:02x}{:02x}:{:02x}{:02x}", !a, !b, !c, !d),
            ] {
                assert!(!allowed(&carrier, &[]), "{carrier} is {address}");
            }
        }
        for address in [
            "::",
            "::1",
            "64:ff9b:1::1.1.1.1",
            "100::1",
            "100:0:0:1::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3ffe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!allowed(address, &[]), "{address}");
        }
    }

    #[test]
    fn networks_add_to_what_is_public() {
        for (address, networks) in [
            ("10.1.2.3", ["10.0.0.0/8"]),
            ("127.0.0.1", ["127.0.0.0/8"]),
            ("169.254.169.254", ["169.254.169.254/32"]),
            ("::ffff:10.1.2.3", ["10.0.0.0/8"]),
            ("64:ff9b::10.1.2.3", ["10.0.0.0/8"]),
            ("fd00::1", ["fd00::/8"]),
            ("::1", ["::1/128"]),
            ("64:ff9b:1::1", ["64:ff9b:1::/48"]),
        ] {
            assert!(allowed(address, &networks), "{address}");
            assert!(allowed("1.1.1.1", &networks), "what is public stays so");
        }
        for (address, networks) in [
            ("10.1.2.3", ["10.1.2.4/32"]),
            ("192.168.0.1", ["10.0.0.0/8"]),
            ("::1", ["127.0.0.0/8"]),
            ("127.0.0.1", ["::1/128"]),
            ("2001:0:808:808:0:0:f5fe:fdfc", ["172.16.0.0/12"]),
        ] {
            assert!(!allowed(address, &networks), "{address}");
        }
    }
}
