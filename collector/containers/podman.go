package containers

import (
	"encoding/json"
	"path/filepath"
	"strings"
)

// podmanStorage adds a podman container's name and image from its storage:
// containers.json beside the directory that holds the bundle,
// <root>/<driver>-containers/<id>/userdata. (Labels are in podman's database
// alone: only its API tells them.)
func podmanStorage(rec *record, bundle string) {
	dir := filepath.Dir(filepath.Dir(filepath.Clean(bundle)))
	if !strings.HasSuffix(filepath.Base(dir), "-containers") {
		return
	}
	b, err := readBounded(filepath.Join(dir, "containers.json"), maxBody)
	if err != nil {
		return
	}
	fromStorage(rec, b)
}

func fromStorage(rec *record, b []byte) {
	var all []struct {
		ID       string   `json:"id"`
		Names    []string `json:"names"`
		Image    string   `json:"image"`
		Metadata string   `json:"metadata"`
	}
	if json.Unmarshal(b, &all) != nil {
		return
	}
	for _, c := range all {
		if c.ID != rec.id {
			continue
		}
		var meta struct {
			Image string `json:"image-name"`
			Name  string `json:"name"`
		}
		_ = json.Unmarshal([]byte(c.Metadata), &meta) // names and image are there without it
		if len(c.Names) > 0 {
			rec.name = c.Names[0]
		}
		first(&rec.name, meta.Name)
		rec.image, rec.imageID = meta.Image, c.Image
		if rec.imageID != "" && !strings.Contains(rec.imageID, ":") {
			rec.imageID = "sha256:" + rec.imageID
		}
	}
}
