//! Which addresses hosts lead to.

use super::*;

fn network() -> Network {
    // Nobody listens there: a name that is asked about has no answer.
    Network::new(Egress { dns: vec!["127.0.0.1:9".parse().unwrap()], ca_files: Vec::new() })
}

async fn leads(host: &str, written: bool, networks: &[&str]) -> Result<Vec<String>, Unreachable> {
    let host = Host::parse(host).unwrap();
    let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
    let addresses = network().addresses(&host, written, &networks).await?;
    Ok(addresses.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn an_address_is_granted_by_being_written() {
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("10.1.2.3", "10.1.2.3"),
        ("0x7f.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("169.254.169.254", "169.254.169.254"),
    ] {
        assert_eq!(leads(host, true, &[]).await.unwrap(), [address]);
        assert!(matches!(leads(host, false, &[]).await, Err(Unreachable::Forbidden(_))), "{host}");
        assert_eq!(leads(host, false, &["0.0.0.0/0", "::/0"]).await.unwrap(), [address]);
    }
    assert_eq!(leads("1.1.1.1", false, &[]).await.unwrap(), ["1.1.1.1"]);
}

#[tokio::test]
async fn this_machine_has_a_name_that_nobody_is_asked_about() {
    for host in ["localhost", "LOCALHOST", "localhost.", "api.localhost"] {
        assert_eq!(leads(host, true, &[]).await.unwrap(), ["127.0.0.1", "::1"]);
        assert!(matches!(leads(host, false, &[]).await, Err(Unreachable::Forbidden(_))), "{host}");
        assert_eq!(leads(host, false, &["::1/128"]).await.unwrap(), ["::1"]);
    }
}

#[tokio::test]
async fn names_are_asked_about_even_if_they_are_written() {
    let failed = leads("example.com", true, &[]).await;
    assert!(matches!(failed, Err(Unreachable::Name(NameError::Failed(_) | NameError::TimedOut))), "{failed:?}");
}

#[test]
fn bad_addresses_are_left_out() {
    let addresses = |text: &str| text.split(' ').map(|address| address.parse().unwrap()).collect::<Vec<IpAddr>>();
    let mixed = addresses("127.0.0.1 1.1.1.1 10.0.0.1 ::1");
    assert_eq!(checked(&mixed, &[]).unwrap(), addresses("1.1.1.1"));
    assert_eq!(checked(&mixed, &["10.0.0.0/8".parse().unwrap()]).unwrap(), addresses("1.1.1.1 10.0.0.1"));
    let bad = addresses("10.0.0.1 127.0.0.1");
    assert_eq!(checked(&bad, &[]).unwrap_err(), Unreachable::Forbidden("10.0.0.1".parse().unwrap()));
    assert_eq!(checked(&[], &[]).unwrap_err(), Unreachable::Name(NameError::Unknown));
    let many: Vec<IpAddr> = (0..100).map(|last| Ipv4Addr::new(8, 8, 8, last).into()).collect();
    assert_eq!(checked(&many, &[]).unwrap().len(), ADDRESSES_MAX);
}
