import Settings
import Testing

@Suite("Layout")
struct LayoutTests {
    @Test("the system's instance follows the FHS")
    func system() {
        let layout = Layout(environment: [:])
        #expect(layout.spool == "/var/spool/latentd")
        #expect(layout.queueDatabase == "/var/lib/latentd/queue.db")
        #expect(layout.cache == "/var/cache/latentd")
        #expect(layout.controlSocket == "/run/latentd/control.sock")
        #expect(layout.configuration == "/etc/latentd/latentd.yaml")
        #expect(layout.models.first == "/var/lib/latentd/models")
    }

    @Test("systemd's directories replace the standard ones, the first of several")
    func systemdDirectories() {
        let layout = Layout(environment: [
            "STATE_DIRECTORY": "/srv/state:/srv/other", "CACHE_DIRECTORY": "/srv/cache",
            "RUNTIME_DIRECTORY": "/run/private", "CONFIGURATION_DIRECTORY": "/etc/elsewhere",
        ])
        #expect(layout.queueDatabase == "/srv/state/queue.db")
        #expect(layout.cache == "/srv/cache")
        #expect(layout.controlSocket == "/run/private/control.sock")
        #expect(layout.configuration == "/etc/elsewhere/latentd.yaml")
        #expect(layout.models.first == "/srv/state/models")
    }

    @Test("a private instance has everything under its root")
    func privateRoot() {
        let layout = Layout(root: "/home/me/demo")
        #expect(layout.spool == "/home/me/demo/spool")
        #expect(layout.queueDatabase == "/home/me/demo/state/queue.db")
        #expect(layout.cache == "/home/me/demo/cache")
        #expect(layout.controlSocket == "/home/me/demo/run/control.sock")
        #expect(layout.configuration == "/home/me/demo/etc/latentd.yaml")
        #expect(layout.models.first == "/home/me/demo/state/models")
    }

    @Test("installed models lie beside the bin that the executable is in")
    func installedModels() {
        #expect(Layout.installedModels(executable: "/opt/latentd/bin/latentd") == "/opt/latentd/share/latentd/models")
        #expect(Layout.installedModels(executable: "/src/.build/release/latentd") == "/usr/share/latentd/models")
    }
}
