//! A configuration looked at with no host around it: what is wrong with it, and what it says.

use std::path::Path;

use super::{
    ConfigError, Mistakes, Shown,
    show::shown,
    text::{Document, Named, Seen, Step, Usable, Value, of_process},
};

/// Folders that the host makes if they are not there, and what it writes to.
const MADE: &[&str] = &["audit", "cache_dir", "state_dir"];

/// What a configuration is made of that nothing is wrong with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub files: usize,
    pub values: usize,
    pub tenants: usize,
    /// Plugins of which something is said.
    pub plugins: usize,
}

/// Looks for everything that is wrong with `path`: what a host would say at its start, and what it would find only later, as
/// that a file is not there.
pub fn check(path: &Path) -> Result<Checked, Mistakes> {
    let mut seen = Seen::default();
    let usable = Document::read(path, &of_process, &mut seen)?.usable()?;
    let missing = missing(&usable);
    if !missing.is_empty() {
        return Err(Mistakes::new(missing, &[]));
    }
    let mut values = 0;
    usable.document.root.visit(&mut Vec::new(), &mut |_, node| {
        values += usize::from(!matches!(node.value, Value::Table(_) | Value::Array(_)));
    });
    let tenants = &usable.config.tenants;
    let plugins = tenants.values().map(|tenant| tenant.plugin.len()).sum();
    Ok(Checked { files: seen.files(), values, tenants: tenants.len(), plugins })
}

/// What `path` says; with `effective`, also what holds where it says nothing. Secrets are hidden.
pub fn show(path: &Path, effective: bool) -> Result<Vec<Shown>, Mistakes> {
    let usable = Document::read(path, &of_process, &mut Seen::default())?.usable()?;
    Ok(shown(&usable.document, effective))
}

/// The files and folders that a configuration names and that are not there.
fn missing(usable: &Usable) -> Vec<ConfigError> {
    let named = usable.paths.iter().filter(|named| !named.is_any_of(MADE) && !named.path.as_os_str().is_empty());
    let mut missing: Vec<ConfigError> = named.filter_map(|named| absence(named, usable)).collect();
    for (id, tenant) in &usable.config.tenants {
        // Folders that somebody wrote down are among those above.
        let Some(folder) = tenant.plugins.as_deref().filter(|folder| !folder.is_dir()) else { continue };
        if !missing.iter().any(|mistake| mistake.reason().contains(&format!("`{}`", folder.display()))) {
            let key = Step::Key("tenant".into());
            let at = &usable.document.root.descend(&[key, Step::Key(id.to_string())]).at;
            let reason = format!("[tenant.{id}] the plugin folder `{}` is not there; create it", folder.display());
            missing.push(at.mistake(reason));
        }
    }
    missing
}

fn absence(named: &Named, usable: &Usable) -> Option<ConfigError> {
    let path = usable.document.beside(&named.path);
    // A pattern stands for whatever there is.
    if path.exists() || path.to_string_lossy().contains('*') {
        return None;
    }
    let key = named.key.iter().rev().find_map(Step::key).unwrap_or_default();
    Some(named.at.mistake(format!("`{key}`: `{}` is not there", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_and_not_there_is_a_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("main.toml");
        let text = "state_dir = 'made'\n[egress]\nca_files = ['ca.pem']\n[secret.s]\nfile = 'key'\n[tenant.acme]\n";
        std::fs::write(&file, text).unwrap();
        let folder = format!("{}/", dir.path().display());
        let mistakes: Vec<String> =
            check(&file).unwrap_err().iter().map(|mistake| mistake.to_string().replace(&folder, "")).collect();
        assert_eq!(
            mistakes,
            [
                "main.toml:3: `ca_files`: `ca.pem` is not there",
                "main.toml:5: `file`: `key` is not there",
                "main.toml:6: [tenant.acme] the plugin folder `plugins/acme` is not there; create it",
            ]
        );
        for name in ["ca.pem", "key"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir_all(dir.path().join("plugins/acme")).unwrap();
        assert_eq!(check(&file), Ok(Checked { files: 1, values: 3, tenants: 2, plugins: 0 }));
    }
}
