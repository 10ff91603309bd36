package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Suite is the release of Debian that packages are of.
const Suite = "trixie"

// Download fetches packages, without what they depend on, below the directory dir and returns the .deb files.
//
// It uses an apt configuration of its own with an empty dpkg status, so nothing on the host counts as installed.
func Download(ctx context.Context, dir string, names ...string) ([]string, error) {
	if err := configure(ctx, dir); err != nil {
		return nil, err
	}
	if err := apt(ctx, dir, append([]string{"download"}, names...)...); err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(dir, "*.deb"))
}

// DownloadClosure fetches packages and all that they depend on. Otherwise it is like Download.
func DownloadClosure(ctx context.Context, dir string, names ...string) ([]string, error) {
	if err := configure(ctx, dir); err != nil {
		return nil, err
	}
	if err := apt(ctx, dir, append([]string{"install", "-y", "--download-only"}, names...)...); err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(dir, "cache/archives/*.deb"))
}

// configure makes dir a place that apt works in, and fetches the list of packages.
func configure(ctx context.Context, dir string) error {
	for _, d := range []string{"etc/preferences.d", "state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	settings, err := acquireSettings(ctx)
	if err != nil {
		return err
	}
	from, err := mirror(ctx)
	if err != nil {
		return err
	}
	config := fmt.Sprintf(`%s
Dir::Etc "%[2]s/etc"; Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::netrc "/etc/apt/auth.conf"; Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "%[2]s/state"; Dir::State::status "%[2]s/state/status"; Dir::Cache "%[2]s/cache";
APT::Architecture "amd64"; APT::Architectures {"amd64";}; APT::Install-Recommends "false";
APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Retries "3";
`, settings, dir)
	source := fmt.Sprintf("deb [signed-by=%s] %s %s main\n", Keyring, from, Suite)
	for name, content := range map[string]string{"apt.conf": config, "etc/sources.list": source, "state/status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return apt(ctx, dir, "update")
}

// apt runs apt-get in a directory that configure made.
func apt(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(dir, "apt.conf"), "LC_ALL=C")
	return Run(cmd)
}

// acquireSettings returns how this host's apt reaches the network: proxies, time-outs, certificates.
func acquireSettings(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-config", "dump")
	out, err := cmd.Output()
	if err != nil {
		return "", Failure(cmd, err, "")
	}
	var settings strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::") {
			settings.WriteString(line)
		}
	}
	return settings.String(), nil
}

// mirror returns where to fetch Debian from: BLUEZ_DEBIAN_MIRROR, else the mirror that apt is
// configured with here.
func mirror(ctx context.Context) (string, error) {
	if m := os.Getenv("BLUEZ_DEBIAN_MIRROR"); m != "" {
		return m, nil
	}
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)")
	out, err := cmd.Output()
	if err != nil {
		return "", Failure(cmd, err, "")
	}
	for line := range strings.Lines(string(out)) {
		if uri := strings.TrimSpace(line); strings.HasSuffix(strings.TrimSuffix(uri, "/"), "/debian") {
			return uri, nil
		}
	}
	return "", errors.New("apt is configured with no Debian mirror here: set BLUEZ_DEBIAN_MIRROR to the address of one")
}

// Version returns the version of the package in a .deb file, read from its name ("bluez_5.82-1.1_amd64.deb"), or "" if none of
// the files is of that package.
func Version(debs []string, name string) string {
	for _, deb := range debs {
		if parts := strings.Split(filepath.Base(deb), "_"); len(parts) == 3 && parts[0] == name {
			return parts[1]
		}
	}
	return ""
}
