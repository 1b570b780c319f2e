//! A configuration looked at with no host around it: what is wrong with it, and what it says.

use std::path::Path;

use super::{
    Config, ConfigError, Mistakes, Shown,
    show::shown,
    text::{Document, Named, Seen, Step, Usable, Value, of_process},
};

/// Folders that the host makes if they are not there, and what it writes to.
const MADE: &[&str] = &["audit", "cache_dir", "state_dir"];

/// What a configuration is made of that nothing is wrong with.
#[derive(Debug)]
pub struct Checked {
    pub config: Config,
    pub files: usize,
    pub values: usize,
}

/// Looks for everything that is wrong with `path`: what a host would say at its start, and what it would find only later, as
/// that a file is not there.
pub fn check(path: &Path) -> Result<Checked, Mistakes> {
    let mut seen = Seen::default();
    let usable = Document::read(path, &of_process, &mut seen)?.checked(absence)?;
    let missing = without_folder(&usable);
    if !missing.is_empty() {
        return Err(Mistakes::new(missing, &[]));
    }
    let mut values = 0;
    usable.document.root.visit(&mut Vec::new(), &mut |_, node| {
        values += usize::from(!matches!(node.value, Value::Table(_) | Value::Array(_)));
    });
    Ok(Checked { config: usable.config, files: seen.files(), values })
}

/// What `path` says; with `effective`, also what holds where it says nothing. Secrets are hidden. The files that it names need not
/// be there: it may be for another machine.
pub fn show(path: &Path, effective: bool) -> Result<Vec<Shown>, Mistakes> {
    let document = Document::read(path, &of_process, &mut Seen::default())?;
    document.written()?;
    Ok(shown(&document, effective))
}

/// The tenants whose plugin folder is not there, although nobody named it.
fn without_folder(usable: &Usable) -> Vec<ConfigError> {
    let absent = usable.config.tenants.iter().filter_map(|(id, tenant)| {
        let folder = tenant.plugins.as_deref().filter(|folder| !folder.is_dir())?;
        let tenant = [Step::Key("tenant".into()), Step::Key(id.to_string())];
        let reason = format!("[tenant.{id}] the plugin folder `{}` is not there; create it", folder.display());
        Some(usable.document.root.descend(&tenant).at.mistake(reason))
    });
    absent.collect()
}

/// What is wrong with a path that is named: that nothing is there.
fn absence(document: &Document, named: &Named) -> Option<ConfigError> {
    let path = document.beside(&named.path);
    // A pattern stands for whatever there is.
    let is_pattern = path.to_string_lossy().contains('*');
    if named.is_any_of(MADE) || named.path.as_os_str().is_empty() || is_pattern || path.exists() {
        return None;
    }
    let key = named.key.iter().rev().find_map(Step::key).unwrap_or_default();
    let made_by = if key == "keys_file" { "; `toolyard keys add` makes it" } else { "" };
    Some(named.at.mistake(format!("`{key}`: `{}` is not there{made_by}", path.display())))
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
            ["main.toml:3: `ca_files`: `ca.pem` is not there", "main.toml:5: `file`: `key` is not there",]
        );
        std::fs::write(&file, text.replace("state_dir", "statedir")).unwrap();
        assert_eq!(check(&file).unwrap_err().iter().len(), 3, "what is not there is said with what is wrong");
        std::fs::write(&file, text).unwrap();
        for name in ["ca.pem", "key"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let folder = check(&file).unwrap_err().to_string();
        assert!(
            folder.contains("main.toml:6: [tenant.acme] the plugin folder") && folder.contains("acme` is not there")
        );
        std::fs::create_dir_all(dir.path().join("plugins/acme")).unwrap();
        let checked = check(&file).unwrap();
        assert_eq!((checked.files, checked.values, checked.config.tenants.len()), (1, 3, 2));
    }
}
