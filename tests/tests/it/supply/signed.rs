//! Signatures: of manifests in a registry, and of files.

use std::fs;

use toolyard_tests::{Registry, Setup, Signer, eventually};

use super::{bad, folder, good, said, saying, setup, wait_until_says};

fn config(registry: &Registry, signer: &Signer) -> String {
    let (name, key) = (registry.name(), signer.public_key());
    format!(
        "[plugin.p]\nsource = \"oci://{name}/acme/p:1.0\"\nsigned_by = [\"{}\"]\n{}[supply]\npoll_s = 1\n",
        key.display(),
        registry.config()
    )
}

#[test]
fn only_what_a_key_has_signed_is_pulled() {
    let (registry, signer, stranger) = (Registry::start(), Signer::new(), Signer::new());
    let first = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    let host = setup(&folder).config(&config(&registry, &signer)).start();
    let reason = |host: &toolyard_tests::Host| host.ready["refused"][0]["reason"].to_string();
    assert!(reason(&host).contains("is not signed"), "{}", reason(&host));
    host.stop();

    let name = format!("{}/acme/p", registry.name());
    let sign = |signer: &Signer, digest: &str, beside: &str| {
        let (payload, signature) = signer.sign_manifest(&name, digest);
        registry.sign("acme/p", beside, &payload, &signature);
    };
    sign(&stranger, &first.manifest, &first.manifest);
    let host = setup(&folder).config(&config(&registry, &signer)).start();
    assert!(reason(&host).contains("any of the keys"), "{}", reason(&host));

    // It is looked for again, and then it is there.
    sign(&signer, &first.manifest, &first.manifest);
    wait_until_says(&host, "one");

    // The tag moves to something else, beside which stands the signature of what was there before.
    let second = registry.push("acme/p", "1.0", &saying("two", "Says."));
    sign(&signer, &first.manifest, &second.manifest);
    host.log.wait_for(&["not pulled", "a signature of something else", "what there was goes on"]);
    assert_eq!(said(&host), "one");
    sign(&signer, &second.manifest, &second.manifest);
    wait_until_says(&host, "two");
    host.stop();
}

#[test]
fn a_signature_is_kept_with_what_it_is_of() {
    let (mut registry, signer, stranger) = (Registry::start(), Signer::new(), Signer::new());
    let pushed = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let (payload, signature) = signer.sign_manifest("anything", &pushed.manifest);
    registry.sign("acme/p", &pushed.manifest, &payload, &signature);
    let folder = folder();
    let pinned = format!("acme/p@{}", pushed.manifest);
    let with = |signer: &Signer| config(&registry, signer).replace("acme/p:1.0", &pinned);
    let (ours, theirs) = (with(&signer), with(&stranger));
    setup(&folder).config(&ours).start().stop();
    registry.stop();
    let host = setup(&folder).config(&ours).start();
    assert_eq!(said(&host), "one");
    host.stop();
    // What one key opened does not stand open for another.
    let host = setup(&folder).config(&theirs).start();
    assert_eq!(host.tools(), [""; 0]);
    host.stop();
}

#[test]
fn files_are_signed_beside_themselves() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let key = signer.public_key();
    let config = format!("[supply]\nkeys = [\"{}\"]\nrequire_signatures = true\n", key.display());
    let (one, two) = (saying("one", "Says."), saying("two", "Says."));
    let setup = Setup::new().config(&config).file("p.wasm", one.clone()).file("p.wasm.sig", signer.sign(&one));
    let host = setup.file("q.wasm", two.clone()).start();
    assert_eq!(host.tools(), ["p_say"]);
    assert!(host.refused("q.wasm").contains("is not signed: there is no"));

    // The signature may come after the component, and a wrong one before the right one.
    host.put("q.wasm.sig", stranger.sign(&two).as_bytes());
    host.log.wait_for(&["q.wasm", "any of the keys"]);
    host.put("q.wasm.sig", signer.sign(&two).as_bytes());
    host.wait_for_tools(&["p_say", "q_say"]);

    host.put("p.wasm", &two);
    host.log.wait_for(&["p.wasm", "any of the keys", "the version before it goes on serving"]);
    assert_eq!(said(&host), "one");
    host.stop();
}

#[test]
fn a_key_that_is_none_is_named() {
    let folder = folder();
    fs::write(folder.path().join("cosign.pub"), "nonsense").expect("a file can be written");
    let config = format!("[plugin.p]\nsigned_by = [\"{}\"]\n", folder.path().join("cosign.pub").display());
    let host = setup(&folder).config(&config).file("p.wasm", saying("one", "Says.")).start();
    assert!(host.refused("p.wasm").contains("cosign.pub is not a public key in PEM"));
    host.stop();
}

#[test]
fn pull_checks_the_key_that_it_is_given() {
    let (registry, signer, stranger) = (Registry::start(), Signer::new(), Signer::new());
    let pushed = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let (payload, signature) = signer.sign_manifest("anything", &pushed.manifest);
    registry.sign("acme/p", &pushed.manifest, &payload, &signature);
    let folder = folder();
    fs::write(folder.path().join("toolyard.toml"), registry.config()).expect("a file can be written");
    let reference = format!("oci://{}/acme/p:1.0", registry.name());
    let key = |signer: &Signer| signer.public_key().to_str().expect("a plain path").to_owned();
    let pull = |key: &str| ["pull", &reference, "--signed-by", key].map(str::to_owned);
    let words = pull(&key(&stranger));
    let failed = bad(folder.path(), &words.each_ref().map(String::as_str));
    assert!(failed.contains("any of the keys"), "{failed}");
    let words = pull(&key(&signer));
    let printed = eventually("the pull", || Some(good(folder.path(), &words.each_ref().map(String::as_str))));
    assert!(printed.contains(&pushed.component), "{printed}");
}
