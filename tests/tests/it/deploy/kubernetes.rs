//! `deploy/kubernetes`, and the same with a Redis of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use toolyard_tests::output;

use super::files::{checker, document, documents, entries, good, path, read, word};
use super::{bytes, fits};

/// The oldest and the newest Kubernetes whose schemas the manifests are held against.
const VERSIONS: [&str; 2] = ["1.30", "1.37"];

/// The volumes that the Pod Security Standard "restricted" lets a pod have.
const VOLUMES: [&str; 6] = ["configMap", "emptyDir", "secret", "projected", "persistentVolumeClaim", "ephemeral"];

/// The files that a kustomization puts together, those of the one below it included.
fn resources(folder: &str) -> Vec<String> {
    let kustomization = document(&format!("{folder}/kustomization.yaml"));
    let listed = entries(&kustomization["resources"]).iter().map(word);
    let files = listed.flat_map(|name| match name.strip_prefix("../") {
        Some(below) => resources(below),
        None => vec![format!("{folder}/{name}")],
    });
    files.collect()
}

fn objects(folder: &str) -> Vec<Value> {
    resources(folder).iter().flat_map(|file| documents(file)).collect()
}

fn one(objects: &[Value], kind: &str, name: &str) -> Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}")).clone()
}

/// The templates of all pods.
fn pods(objects: &[Value]) -> Vec<&Value> {
    objects
        .iter()
        .filter(|object| !object["spec"]["template"].is_null())
        .map(|object| &object["spec"]["template"])
        .collect()
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"].into_iter().flat_map(|kind| pod["spec"][kind].as_array().into_iter().flatten())
}

#[test]
fn the_manifests_are_what_kubernetes_takes() {
    let mut files: BTreeSet<String> = BTreeSet::new();
    for folder in ["kubernetes", "kubernetes-with-redis"] {
        files.extend(resources(folder));
        let known = ["apiVersion", "kind", "resources", "configMapGenerator", "images"];
        let kustomization = document(&format!("{folder}/kustomization.yaml"));
        for key in kustomization.as_object().expect("it is a table").keys() {
            assert!(known.contains(&key.as_str()), "{folder}: `{key}`");
        }
        for listed in entries(&kustomization["configMapGenerator"]) {
            for file in entries(&listed["files"]) {
                assert!(path(&format!("{folder}/{}", word(file))).is_file(), "{folder}: {file}");
            }
        }
    }
    for version in VERSIONS {
        let mut command = checker("kubernetes-validate");
        good(command.args(["--strict", "--quiet", "-k", version]).args(files.iter().map(|file| path(file))));
    }
    // The validator would have something to say.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bad = folder.path().join("bad.yaml");
    let wrong = super::files::text("kubernetes/deployment.yaml").replace("readinessProbe:", "readynessProbe:");
    std::fs::write(&bad, wrong).expect("a file can be written");
    assert!(
        !output(checker("kubernetes-validate").args(["--strict", "--quiet", "-k", VERSIONS[1]]).arg(bad))
            .status
            .success()
    );
}

#[test]
fn everything_that_selects_selects_something() {
    let objects = objects("kubernetes-with-redis");
    let labels: Vec<&Value> = pods(&objects).into_iter().map(|pod| &pod["metadata"]["labels"]).collect();
    let mut selected = 0;
    for object in &objects {
        let spec = &object["spec"];
        let selector = match object["kind"].as_str() {
            Some("Service") => &spec["selector"],
            Some("NetworkPolicy") => &spec["podSelector"]["matchLabels"],
            Some("HorizontalPodAutoscaler") => continue,
            _ => &spec["selector"]["matchLabels"],
        };
        let wanted = selector.as_object().unwrap_or_else(|| panic!("no selector: {object}"));
        assert!(!wanted.is_empty(), "it selects everything: {object}");
        let fits = |labels: &&&Value| wanted.iter().all(|(key, value)| &labels[key] == value);
        assert_eq!(labels.iter().filter(fits).count(), 1, "{object}");
        selected += 1;
    }
    assert!(selected >= 7, "{selected}");
    let deployment = one(&objects, "Deployment", "toolyard");
    for spread in entries(&deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]) {
        assert_eq!(spread["labelSelector"], deployment["spec"]["selector"]);
    }
    let target = &one(&objects, "HorizontalPodAutoscaler", "toolyard")["spec"]["scaleTargetRef"];
    assert_eq!((&target["kind"], &target["name"]), (&json!("Deployment"), &deployment["metadata"]["name"]));
}

#[test]
fn every_pod_is_restricted() {
    for pod in pods(&objects("kubernetes-with-redis")) {
        let spec = &pod["spec"];
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
        assert!(spec["securityContext"]["runAsUser"].as_u64() > Some(0));
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(spec["automountServiceAccountToken"], false);
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            assert_eq!(spec[host], Value::Null);
        }
        for container in containers(pod) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{container}");
            assert!(container["resources"]["requests"]["memory"].is_string(), "{container}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
        }
        for volume in entries(&spec["volumes"]) {
            assert!(VOLUMES.iter().any(|kind| !volume[*kind].is_null()), "{volume}");
        }
    }
}

#[test]
fn every_volume_and_every_port_is_there() {
    let objects = objects("kubernetes-with-redis");
    for object in objects.iter().filter(|object| !object["spec"]["template"].is_null()) {
        let pod = &object["spec"]["template"];
        let names = |list: &Value| -> BTreeSet<String> {
            list.as_array().into_iter().flatten().map(|entry| word(&entry["name"]).to_owned()).collect()
        };
        let mut volumes = names(&pod["spec"]["volumes"]);
        let claims = object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
        volumes.extend(claims.map(|claim| word(&claim["metadata"]["name"]).to_owned()));
        let mounted: BTreeSet<String> =
            containers(pod).flat_map(|container| names(&container["volumeMounts"])).collect();
        assert_eq!(volumes, mounted);
        for container in containers(pod) {
            let ports = names(&container["ports"]);
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                let port = &container[probe]["httpGet"]["port"];
                assert!(port.is_null() || ports.contains(word(port)), "{probe}: {port}");
            }
        }
    }
    for (name, port) in [("toolyard", "mcp"), ("toolyard-redis", "redis")] {
        let service = one(&objects, "Service", name);
        assert_eq!(service["spec"]["ports"][0]["targetPort"], port);
    }
}

#[test]
fn the_pod_has_what_its_configuration_names() {
    let deployment = one(&objects("kubernetes"), "Deployment", "toolyard");
    let pod = &deployment["spec"]["template"]["spec"];
    let host = &pod["containers"][0];
    let grace_ms = pod["terminationGracePeriodSeconds"].as_u64().expect("it is said") * 1000;
    let memory = bytes(word(&host["resources"]["limits"]["memory"]));
    for folder in ["kubernetes", "kubernetes-with-redis"] {
        fits(folder, memory, grace_ms);
        let config = read(&format!("{folder}/toolyard.toml"));
        let mounts: Vec<&str> = entries(&host["volumeMounts"]).iter().map(|mount| word(&mount["mountPath"])).collect();
        for key in ["plugins", "state_dir", "cache_dir"] {
            assert!(mounts.contains(&word(&config[key])), "{folder}: {key}");
        }
        let seal = word(&config["seal"]["keys"][0]["file"]);
        assert!(mounts.iter().any(|mount| seal.starts_with(mount)), "{folder}: {seal}");
        for (key, port) in [("listen", 0), ("admin_listen", 1)] {
            let number = &host["ports"][port]["containerPort"];
            assert!(word(&config[key]).ends_with(&format!(":{number}")), "{folder}: {key} {number}");
        }
    }
    // New hosts first, then old ones go; and never more than one is away by choice.
    assert_eq!(deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    let autoscaler = one(&objects("kubernetes"), "HorizontalPodAutoscaler", "toolyard");
    assert_eq!((&deployment["spec"]["replicas"], &autoscaler["spec"]["minReplicas"]), (&Value::Null, &json!(3)));
}
