//! Grants one by one, so that each can be held against what the plugin wishes for. Values are not told: some are secret.

use std::collections::BTreeMap;

use crate::config::{Grants, Wishes};

/// Each grant in words, and whether the plugin wishes for it.
pub(super) fn against(grants: &Grants, wishes: &Wishes) -> Vec<(String, bool)> {
    each(grants).into_iter().map(|(words, alone)| (words, wishes.iter().any(|wish| wish.is_met(&alone)))).collect()
}

/// A number of bytes, in the largest unit that says it without a fraction.
fn size(bytes: u64) -> String {
    match bytes {
        whole if whole >= 1 << 20 && whole % (1 << 20) == 0 => format!("{} MiB", whole >> 20),
        whole if whole >= 1 << 10 && whole % (1 << 10) == 0 => format!("{} KiB", whole >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// Each grant in words, and as all that is granted.
fn each(grants: &Grants) -> Vec<(String, Grants)> {
    let none = Grants::default;
    let mut all = Vec::new();
    for http in &grants.http {
        let headers: Vec<_> =
            http.headers.iter().map(|header| format!("{} from {}", header.name, header.secret)).collect();
        let adds = if headers.is_empty() { String::new() } else { format!(", adds {}", headers.join(" and ")) };
        let words = format!("http {} {}{adds}", http.methods.join(" "), http.to);
        all.push((words, Grants { http: vec![http.clone()], ..none() }));
    }
    for tcp in &grants.tcp {
        all.push((format!("tcp {}:{}", tcp.host, tcp.port), Grants { tcp: vec![tcp.clone()], ..none() }));
    }
    for folder in &grants.folders {
        let write = if folder.write { " (write)" } else { "" };
        let words = format!("folders {}{write}, which is {}", folder.guest, folder.path.display());
        all.push((words, Grants { folders: vec![folder.clone()], ..none() }));
    }
    if let Some(room) = &grants.keyvalue {
        let words = format!("keyvalue, up to {}", size(room.bytes_max));
        all.push((words, Grants { keyvalue: Some(room.clone()), ..none() }));
    }
    for (key, value) in &grants.config {
        let config = BTreeMap::from([(key.clone(), value.clone())]);
        all.push((format!("config {key}"), Grants { config, ..none() }));
    }
    for (key, name) in &grants.secrets {
        let secrets = BTreeMap::from([(key.clone(), name.clone())]);
        all.push((format!("secrets {key} from {name}"), Grants { secrets, ..none() }));
    }
    for (key, value) in &grants.environment {
        let environment = BTreeMap::from([(key.clone(), value.clone())]);
        all.push((format!("environment {key}"), Grants { environment, ..none() }));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Written;

    #[test]
    fn what_nobody_wished_for_is_told() {
        let config = "
            [secret.token]
            env = 'TOKEN'
            [plugin.p.grants]
            config = { language = 'a private value' }
            secrets = { key = 'token' }
            keyvalue = { bytes_max = 10 }
            [[plugin.p.grants.http]]
            url = 'https://api.example.com/'
            headers = [{ name = 'Authorization', secret = 'token' }]
            [[plugin.p.grants.folders]]
            path = '/srv/data'
            guest = '/data'
        ";
        let config = Written::parse(config).unwrap().usable(Path::new("/")).unwrap();
        let grants = config.for_plugin(&"p".parse().unwrap()).grants;
        let wishes = "[[http]]\nurl = 'https://api.example.com/v1/'\nwhy = 'x'\n[keyvalue]\nwhy = 'x'";
        let told = against(&grants, &Wishes::parse(wishes).unwrap());
        let told: Vec<_> = told.iter().map(|(words, wished)| (words.as_str(), *wished)).collect();
        assert_eq!(
            told,
            [
                ("http GET HEAD https://api.example.com/, adds Authorization from token", true),
                ("folders /data, which is /srv/data", false),
                ("keyvalue, up to 10 bytes", true),
                ("config language", false),
                ("secrets key from token", false),
            ]
        );
    }
}
