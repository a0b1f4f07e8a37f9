//! The page of a real node behind TLS, where one token is needed to read and another to change anything.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gossip_network::lab::{CertificateName, make_certificates};

use crate::browser::Browser;
use crate::harness::{Server, free_ports};

fn secret(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, format!("{name}-word\n")).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("set");
    format!("--{name}-file={}", file.display())
}

fn guarded_network(folder: &Path, size: usize) -> Vec<Server> {
    let ports = free_ports(size);
    let names: Vec<CertificateName> = ports.iter().map(|port| CertificateName::of_port(*port)).collect();
    make_certificates(folder, &names, 30, false).expect("certificates");
    let start = |port: &u16| {
        let file = |flag: &str, name: String| format!("--{flag}={}", folder.join(name).display());
        let flags = [
            "--interval=0".to_owned(),
            format!("--seed={}", ports[0]),
            file("tls-cert", format!("{port}.pem")),
            file("tls-key", format!("{port}-key.pem")),
            file("tls-ca", "ca.pem".to_owned()),
            secret(folder, "token"),
            secret(folder, "read-token"),
        ];
        Server::spawn_on(*port, &flags.each_ref().map(String::as_str))
    };
    ports.iter().map(start).collect()
}

#[test]
fn behind_tls_and_tokens_the_page_is_as_alive_as_in_the_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = guarded_network(folder.path(), 3);
    let browser = Browser::start();
    browser.open_at(&format!("https://127.0.0.1:{}/", servers[0].port));
    let asked = "return document.getElementById('token').open";
    browser.wait("the token is asked for", asked);
    browser.keys("#token-text", "wrong\u{e007}");
    browser.says("#token-note", "does not take");
    browser.keys("#token-text", "read-token-word\u{e007}");
    browser.says("#link-text", "Live");
    browser.wait("all nodes are there", "return gossip.store.nodes.size === 3");
    // Links of others are collected by the node, which shows them its own token and certificate.
    browser.wait("their links are there", "return gossip.store.links.length >= 2");
    assert_eq!(browser.run(asked), false);

    // Whoever may read only is told so, and asked for a token that may more.
    browser.keys("#send-text", "over HTTPS\u{e007}");
    browser.wait("another token is asked for", asked);
    browser.says("#token-note", "allows reading only");
    browser.screenshot("token-reads-only");
    browser.keys("#token-text", "token-word\u{e007}");
    browser.says("#message-scroll", "over HTTPS");
    browser.click("#message-scroll .message");
    browser.says("#where", "3 of 3 live nodes hold it");
    browser.reload();
    browser.says("#link-text", "Live");
    browser.says("#message-scroll", "over HTTPS");
    assert_eq!(browser.run(asked), false);
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("401") || line.contains("403")), "{complaints:?}");
}
