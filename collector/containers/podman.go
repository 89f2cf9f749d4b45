package containers

import (
	"encoding/json"
	"path/filepath"
	"strings"
)

// podmanNames are the names of a container and its image in podman's storage, and the path
// of its log.
type podmanNames struct{ container, image, imageID, log string }

// podmanStorage reads the names of a podman container and its image from podman's
// storage. They are in containers.json, next to the directory of the bundle,
// <root>/<driver>-containers/<id>/userdata. Labels are only in podman's database, and so
// only available from its API. It may block on the filesystem.
func podmanStorage(id, bundle string) podmanNames {
	dir := filepath.Dir(filepath.Dir(filepath.Clean(bundle)))
	if !strings.HasSuffix(filepath.Base(dir), "-containers") {
		return podmanNames{}
	}
	b, err := readRegular(filepath.Join(dir, "containers.json"), maxBody)
	if err != nil {
		return podmanNames{}
	}
	names := parseStorage(id, b)
	names.log = podmanLog(bundle)
	return names
}

func parseStorage(id string, b []byte) (n podmanNames) {
	var all []struct {
		ID       string   `json:"id"`
		Names    []string `json:"names"`
		Image    string   `json:"image"`
		Metadata string   `json:"metadata"`
	}
	if json.Unmarshal(b, &all) != nil {
		return n
	}
	for _, c := range all {
		if c.ID != id {
			continue
		}
		var meta struct {
			Image string `json:"image-name"`
			Name  string `json:"name"`
		}
		_ = json.Unmarshal([]byte(c.Metadata), &meta) // optional: only adds the container's names and its image's
		n = podmanNames{image: meta.Image, imageID: c.Image}
		if len(c.Names) > 0 {
			n.container = c.Names[0]
		}
		first(&n.container, meta.Name)
		if n.imageID != "" && !strings.Contains(n.imageID, ":") {
			n.imageID = "sha256:" + n.imageID
		}
	}
	return n
}

// name sets the names of a record.
func (n podmanNames) name(rec *record) {
	if n.container != "" {
		rec.name = n.container
	}
	rec.image, rec.imageID, rec.logPath = n.image, n.imageID, n.log
}
