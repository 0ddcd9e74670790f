//! Areas against the other manifests: paths of nothing, areas that overlap, patterns that match nothing.

use crate::manifest::areas::{self, Areas};
use crate::manifest::finding::{Code, Finding, shown};
use crate::manifest::kinds::KoreAreaSpec;
use crate::manifest::model::Manifest;
use crate::manifest::sources::SourcePath;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Every finding about areas. `left_out`: documents that are not used, and are there.
pub(super) fn check(manifests: &[Manifest], left_out: &[Manifest], findings: &mut Vec<Finding>) {
    let files: BTreeSet<&Arc<str>> = manifests.iter().chain(left_out).filter_map(Manifest::file).collect();
    let areas: Vec<(&Manifest, &KoreAreaSpec)> = manifests.iter().filter_map(areas::of_area).collect();
    for (manifest, spec) in &areas {
        patterns_can_match(manifest, spec, findings);
        paths_match(manifest, spec, manifests, &files, findings);
        namespaces_are_others(manifest, spec, manifests, findings);
    }
    are_apart(&areas, manifests, findings);
}

/// A pattern that no name of the platform can match would silently allow nothing.
fn patterns_can_match(manifest: &Manifest, spec: &KoreAreaSpec, findings: &mut Vec<Finding>) {
    let touch = &spec.may_touch;
    let names = [
        ("mayTouch.bots", &touch.bots),
        ("mayTouch.roles", &touch.roles),
        ("mayTouch.groups", &touch.groups),
    ];
    let mut push = |path: &'static str, at: usize, message: String, hint: &str| {
        findings.push(
            Finding::new(Code::AreaPattern, manifest.item_spot(path, at), message).hint(hint.to_owned()),
        );
    };
    for (path, patterns) in names {
        for (at, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| pattern.trim().is_empty()) {
            push(
                path,
                at,
                format!("{} matches no name", shown(pattern)),
                "write a name, or a pattern with *",
            );
        }
    }
    for (at, domain) in touch.email_domains.iter().enumerate() {
        if domain.contains(['@', ' ']) || domain.starts_with('.') || domain.is_empty() {
            let message = format!("{} is not a domain, and matches no address", shown(domain));
            push(
                "mayTouch.emailDomains",
                at,
                message,
                "write what stands behind the @, such as example.com, or a pattern with *",
            );
        }
    }
}

/// Only where the account is loaded: its folder is what paths start from.
fn paths_match(
    manifest: &Manifest,
    spec: &KoreAreaSpec,
    manifests: &[Manifest],
    files: &BTreeSet<&Arc<str>>,
    findings: &mut Vec<Finding>,
) {
    let account_files: Vec<&Arc<str>> =
        areas::accounts_of(manifest, manifests).filter_map(Manifest::file).collect();
    if manifest.file().is_none() || account_files.is_empty() {
        return;
    }
    for (at, path) in spec.paths.iter().enumerate() {
        let spot = || manifest.item_spot("paths", at);
        let patterns: Result<Vec<SourcePath>, String> =
            account_files.iter().map(|file| SourcePath::new(file, path)).collect();
        match patterns {
            Err(why) => findings.push(
                Finding::new(Code::AreaPath, spot(), format!("{} is no pattern: {why}", shown(path)))
                    .hint("write a path with *, ? and **, such as access/banking/**"),
            ),
            Ok(patterns) => {
                if !files.iter().any(|file| patterns.iter().any(|pattern| pattern.is_match(file))) {
                    let message = format!("{} matches no manifest", shown(path));
                    findings.push(Finding::new(Code::AreaPath, spot(), message).hint(
                        "write it relative to the file of the account, and load the files that it means",
                    ));
                }
            }
        }
    }
}

/// The account's own namespace is free of limits, whatever an area says.
fn namespaces_are_others(
    manifest: &Manifest,
    spec: &KoreAreaSpec,
    manifests: &[Manifest],
    findings: &mut Vec<Finding>,
) {
    for account in areas::accounts_of(manifest, manifests) {
        let own = account.namespace.as_deref();
        for (at, namespace) in spec.namespaces.iter().enumerate().filter(|(_, name)| own == Some(name)) {
            let message = format!("{namespace} is the namespace of KoreAccount {}", account.name);
            findings.push(
                Finding::new(Code::AreaOverlap, manifest.item_spot("namespaces", at), message)
                    .hint("take it out: objects beside their account are free of limits"),
            );
        }
    }
}

/// A document or a namespace is in one area at most: two would hold it to what both allow.
fn are_apart(areas: &[(&Manifest, &KoreAreaSpec)], manifests: &[Manifest], findings: &mut Vec<Finding>) {
    let known = Areas::new(manifests);
    for account in
        manifests.iter().filter(|manifest| matches!(manifest.spec, crate::manifest::kinds::Spec::Account(_)))
    {
        let of_account: Vec<_> = known.in_account(account).collect();
        for (at, later) in of_account.iter().enumerate() {
            for earlier in &of_account[..at] {
                let Some((manifest, spec)) =
                    areas.iter().find(|(manifest, _)| manifest.spot("") == later.spot)
                else {
                    continue;
                };
                let mut push = |spot, what: String| {
                    let (one, two) = (&earlier.area.name, &later.area.name);
                    findings.push(
                        Finding::new(
                            Code::AreaOverlap,
                            spot,
                            format!("{what} is in the areas {one} and {two}"),
                        )
                        .hint("narrow one of the two")
                        .related(earlier.spot.clone(), "the other area"),
                    );
                };
                if let Some(file) = earlier.area.files.intersection(&later.area.files).next() {
                    push(manifest.spot("paths"), file.to_string());
                }
                let is_taken = |name: &&String| earlier.area.namespaces.contains(name);
                if let Some(at) = spec.namespaces.iter().position(|name| is_taken(&name)) {
                    push(manifest.item_spot("namespaces", at), format!("namespace {}", spec.namespaces[at]));
                }
            }
        }
    }
}
