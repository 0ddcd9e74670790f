//! What is between this machine and the platform, for messages about a platform that cannot be reached: the proxy that
//! was used, and which certificates are trusted.

use crate::kore::url_shown;

/// Lines for a message. The password of a proxy is not shown.
pub(super) fn described(host: &str, error: &str) -> String {
    described_with(host, error, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn described_with(host: &str, error: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let is_local = ["//localhost", "//127.", "//[::1]"].iter().any(|start| host.contains(start));
    let of = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, variable(name)?)));
    let scheme: &[&str] = if host.starts_with("http://") {
        &["HTTP_PROXY", "http_proxy"]
    } else {
        &["HTTPS_PROXY", "https_proxy"]
    };
    let proxy = of(scheme).or_else(|| of(&["ALL_PROXY", "all_proxy"]));
    let except = of(&["NO_PROXY", "no_proxy"]);
    let mut lines = Vec::new();
    match (is_local, proxy) {
        (true, _) => {}
        (false, Some((name, value))) => {
            let except =
                except.map(|(name, value)| format!(", except for {name}={value}")).unwrap_or_default();
            lines.push(format!("proxy: {name}={}{except}", url_shown(&value)));
        }
        (false, None) => lines.push("proxy: none (HTTPS_PROXY is not set)".to_owned()),
    }
    let lower = error.to_lowercase();
    if ["certificate", "unknownissuer", "tls", "ssl"].iter().any(|word| lower.contains(word))
        && !lower.contains("does not speak tls")
    {
        let trusted = of(&["SSL_CERT_FILE", "SSL_CERT_DIR"]).map_or_else(
            || "those of the system (SSL_CERT_FILE is not set)".to_owned(),
            |(name, value)| format!("{name}={value}"),
        );
        lines.push(format!("trusted certificates: {trusted}"));
        lines.push(
            "a proxy that opens TLS needs its own certificate authority there: docs/guides/behind-a-proxy.md"
                .to_owned(),
        );
    }
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(host: &str, error: &str, set: &[(&str, &str)]) -> String {
        described_with(host, error, &|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_proxy_in_use_is_named_without_its_password() {
        let host = "https://kore.example.com";
        let set =
            [("HTTPS_PROXY", "http://jane:s3cr3t@proxy.example.com:3128"), ("NO_PROXY", ".svc,localhost")];
        let text = said(host, "no connection", &set);
        assert_eq!(
            text,
            "\n  proxy: HTTPS_PROXY=http://…@proxy.example.com:3128, except for NO_PROXY=.svc,localhost"
        );
        assert!(said(host, "no connection", &[("https_proxy", "proxy:1")]).contains("https_proxy=proxy:1"));
        assert!(
            said(host, "no connection", &[("all_proxy", "socks5://proxy:1")]).contains("all_proxy=socks5")
        );
        assert!(said(host, "no connection", &[]).contains("proxy: none"));
        assert_eq!(
            said("http://127.0.0.1:1", "no connection", &set),
            "",
            "nothing local goes through a proxy"
        );
        assert_eq!(url_shown("jane:p@ss@proxy:1"), "…@proxy:1");
    }

    #[test]
    fn certificates_are_named_where_they_are_the_cause() {
        let text = said("https://kore.example.com", "invalid peer certificate: UnknownIssuer", &[]);
        assert!(text.contains("SSL_CERT_FILE is not set") && text.contains("behind-a-proxy.md"), "{text}");
        let set = [("SSL_CERT_FILE", "/etc/ssl/acme.pem")];
        let text = said("https://kore.example.com", "invalid peer certificate: UnknownIssuer", &set);
        assert!(text.contains("trusted certificates: SSL_CERT_FILE=/etc/ssl/acme.pem"), "{text}");
        assert!(!said("https://kore.example.com", "no connection", &[]).contains("certificates"));
    }
}
