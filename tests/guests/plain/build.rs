//! Puts the doc comments of the WIT into the form in which components carry them: the linker leaves them out.

use std::{env, fs, path::Path};

use wit_parser::{PackageMetadata, Resolve};

fn main() -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path("wit")?;
    let docs = PackageMetadata::extract(&resolve, package).encode()?;
    let folder = env::var("OUT_DIR")?;
    fs::write(Path::new(&folder).join("package-docs"), docs)?;
    println!("cargo::rerun-if-changed=wit");
    Ok(())
}
