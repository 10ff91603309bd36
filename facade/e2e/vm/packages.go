package vm

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const suite = "trixie"

// wanted names what the guest is made of; apt adds what these depend on.
var wanted = []string{
	"linux-image-amd64",
	"bluez",              // bluetoothd, bluetoothctl, btmon
	"bluez-test-tools",   // btvirt
	"bluez-test-scripts", // example-gatt-server, example-advertisement
	"dbus-daemon",
	"python3", "python3-dbus", "python3-gi", // what the scripts import
}

// fetch downloads the closure of the wanted packages below dir and returns the .deb files.
//
// It uses an apt configuration of its own with an empty dpkg status, so nothing on
// the host counts as installed and nothing of the host changes.
func fetch(ctx context.Context, dir string) ([]string, error) {
	for _, d := range []string{"etc/preferences.d", "state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	settings, err := acquireSettings(ctx)
	if err != nil {
		return nil, err
	}
	from, err := mirror(ctx)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`%s
Dir::Etc "%[2]s/etc"; Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::netrc "/etc/apt/auth.conf"; Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "%[2]s/state"; Dir::State::status "%[2]s/state/status"; Dir::Cache "%[2]s/cache";
APT::Architecture "amd64"; APT::Architectures {"amd64";}; APT::Install-Recommends "false";
APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Retries "3";
`, settings, dir)
	source := fmt.Sprintf("deb [signed-by=%s] %s %s main\n", debianKeyring, from, suite)
	for name, content := range map[string]string{"apt.conf": config, "etc/sources.list": source, "state/status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	download := append([]string{"install", "-y", "--download-only"}, wanted...)
	for _, args := range [][]string{{"update"}, download} {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq"}, args...)...)
		cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(dir, "apt.conf"), "LC_ALL=C")
		if err := run(cmd); err != nil {
			return nil, err
		}
	}
	return filepath.Glob(filepath.Join(dir, "cache/archives/*.deb"))
}

// acquireSettings returns how this host's apt reaches the network: proxies, time-outs, certificates.
func acquireSettings(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-config", "dump")
	out, err := cmd.Output()
	if err != nil {
		return "", failure(cmd, err, "")
	}
	var settings strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::") {
			settings.WriteString(line)
		}
	}
	return settings.String(), nil
}

// mirror returns where to fetch Debian from: BLUEZ_VM_MIRROR, else the mirror that apt is
// configured with here.
func mirror(ctx context.Context) (string, error) {
	if m := os.Getenv("BLUEZ_VM_MIRROR"); m != "" {
		return m, nil
	}
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)")
	out, err := cmd.Output()
	if err != nil {
		return "", failure(cmd, err, "")
	}
	for line := range strings.Lines(string(out)) {
		if uri := strings.TrimSpace(line); strings.HasSuffix(strings.TrimSuffix(uri, "/"), "/debian") {
			return uri, nil
		}
	}
	return "", errors.New("apt is configured with no Debian mirror here: set BLUEZ_VM_MIRROR to the address of one")
}

// version returns the version of the package in a .deb file, read from its name
// ("bluez_5.82-1.1_amd64.deb").
func version(debs []string, name string) string {
	for _, deb := range debs {
		if parts := strings.Split(filepath.Base(deb), "_"); len(parts) == 3 && parts[0] == name {
			return parts[1]
		}
	}
	return ""
}

// unpack unpacks packages into a tree, without running any of their scripts.
func unpack(ctx context.Context, debs []string, tree string) error {
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(tree, "usr", link), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+link, filepath.Join(tree, link)); err != nil {
			return err
		}
	}
	for _, deb := range debs {
		if err := unpackOne(ctx, deb, tree); err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
		}
	}
	return nil
}

func unpackOne(ctx context.Context, deb, tree string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var said strings.Builder
	cmd.Stderr = &said
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = extract(tar.NewReader(stream), tree)
	if err != nil {
		stream.Close() // ends dpkg-deb, should it still be writing
	}
	if waitErr := cmd.Wait(); waitErr != nil && err == nil {
		err = failure(cmd, waitErr, said.String())
	}
	return err
}

// extract writes directories, files and links; packages of today have nothing else that matters.
func extract(r *tar.Reader, tree string) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("entry %q leaves the tree", h.Name)
		}
		name := filepath.Join(tree, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, 0o755) // follows the links of the merged /usr
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, name)
			if errors.Is(err, fs.ErrExist) {
				err = nil // the links of the merged /usr
			}
		case tar.TypeLink:
			err = os.Link(filepath.Join(tree, h.Linkname), name)
		case tar.TypeReg:
			err = extractFile(r, name, h.FileInfo().Mode().Perm())
		}
		if err != nil {
			return err
		}
	}
}

func extractFile(r io.Reader, name string, perm fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
