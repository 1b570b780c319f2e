use super::*;

/// Made by `openssl ecparam -name prime256v1 -genkey` and `openssl ec -pubout`, as are the signatures by `openssl dgst -sha256
/// -sign`: somebody else's arithmetic.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH591XFDT+C8wuV2w3aLJJ8tcyXpu
J7k4cyApqB6Zk3Vk2CghwGm02QPDeM0nHGs6XkU3UQqtcBWpecEon42wbw==
-----END PUBLIC KEY-----
";
const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2wFtBvevxQjzQLS8SSsp5SK1dybk
25b07MpPvleYCycBYi2XreFTK9WjDS2hafOKJganuXKdvAcCAOgiBlO3Wg==
-----END PUBLIC KEY-----
";
const P384_KEY: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEpM6B0Qgce3OYwCPibI5alCwhQApoOAlJ
7amItkewaASyrf9a2ZW0vvROtN339VP4BmxnWYHFbmO5kdWRe53XBpMgGhlv+6nY
d+8blwQEK2erq346aXnkNVjxPNh7WQYj
-----END PUBLIC KEY-----
";

const BYTES: &[u8] = b"a component";
const BYTES_SIGNED: &str =
    "MEQCIA4eXuHHplj03dZllUT/DAHSwsjHt6qMtXf8U1JHiaqQAiB5KZ5sJLKBGnl8YQWcrcFWlNwSrHo6MYF8IOgIoy87UA==\n";

const MANIFEST: &[u8] = b"a manifest";
const PAYLOAD: &str = r#"{"critical":{"identity":{"docker-reference":"registry.example/acme/weather"},"image":{"docker-manifest-digest":"sha256:e59625a822497c164d60705eb3fd6975c375ca213b8140137a826a77790986a9"},"type":"cosign container image signature"},"optional":null}"#;
const PAYLOAD_SIGNED: &str =
    "MEUCIQDcr5rkpN1ACZIaQdAiR0WuFbTgLDbHZjlJA1vov1eYtQIgS8wkgCA/fNCjwKDiY2cq6ejcWw6o8Jz/KxTzIic0iOg=";

fn keys(pem: &[&str]) -> Vec<PublicKey> {
    pem.iter().map(|pem| PublicKey::parse(pem.as_bytes()).unwrap()).collect()
}

fn signature(payload: &str) -> Signature {
    Signature { payload: payload.into(), signature: BASE64.decode(PAYLOAD_SIGNED).unwrap() }
}

#[test]
fn a_file_is_signed_by_any_of_the_keys() {
    assert_eq!(check_bytes(&keys(&[OTHER_KEY, KEY]), BYTES, BYTES_SIGNED), Ok(()));
    let unsigned = Err("is not signed by any of the keys that are trusted".into());
    assert_eq!(check_bytes(&keys(&[OTHER_KEY]), BYTES, BYTES_SIGNED), unsigned);
    assert_eq!(check_bytes(&keys(&[KEY]), b"a componenT", BYTES_SIGNED), unsigned);
    assert_eq!(check_bytes(&[], BYTES, BYTES_SIGNED), unsigned);
    assert_eq!(check_bytes(&keys(&[KEY]), BYTES, ""), unsigned);
    assert!(check_bytes(&keys(&[KEY]), BYTES, "*").unwrap_err().contains("base64"));
}

#[test]
fn a_manifest_is_signed_by_a_payload_that_names_it() {
    let (key, digest) = (keys(&[KEY]), Digest::of(MANIFEST));
    assert_eq!(check_manifest(&key, &[signature("{}"), signature(PAYLOAD)], digest), Ok(()));
    let reason =
        |keys: &[PublicKey], signatures: &[Signature], digest| check_manifest(keys, signatures, digest).unwrap_err();
    assert!(reason(&key, &[], digest).contains("is not signed"));
    assert!(reason(&keys(&[OTHER_KEY]), &[signature(PAYLOAD)], digest).contains("any of the keys"));
    assert!(reason(&key, &[signature(&PAYLOAD.replace("acme", "evil"))], digest).contains("any of the keys"));
    // A true signature, put beside another manifest.
    assert!(reason(&key, &[signature(PAYLOAD)], Digest::of(b"another")).contains("something else"));
}

#[test]
fn a_payload_names_one_manifest_and_says_what_it_is() {
    let digest = Digest::of(MANIFEST);
    assert!(names(PAYLOAD.as_bytes(), digest));
    assert!(names(PAYLOAD.replace("docker-manifest", "Docker-manifest").as_bytes(), digest));
    for wrong in [
        "",
        "[]",
        &PAYLOAD.replace("cosign container", "atomic container"),
        &PAYLOAD.replace("sha256:e", "sha256:E"),
        // A second digest, which another reader may take for the one that counts.
        &PAYLOAD.replacen(r#""image":{"#, r#""image":{"docker-manifest-digest":"sha256:00","#, 1),
    ] {
        assert!(!names(wrong.as_bytes(), digest), "{wrong}");
    }
}

#[test]
fn only_keys_for_p256_are_taken() {
    assert!(PublicKey::parse(KEY.as_bytes()).is_ok());
    assert_eq!(
        PublicKey::parse(P384_KEY.as_bytes()).unwrap_err(),
        "is not a key for ECDSA on P-256, which is what cosign makes"
    );
    assert_eq!(PublicKey::parse(b"nonsense").unwrap_err(), "is not a public key in PEM");
    let private = KEY.replace("PUBLIC", "PRIVATE");
    assert_eq!(PublicKey::parse(private.as_bytes()).unwrap_err(), "is not a public key in PEM");
    let file = read_keys(&["/nowhere/cosign.pub".into()]).unwrap_err();
    assert!(file.contains("/nowhere/cosign.pub cannot be read"), "{file}");
}
