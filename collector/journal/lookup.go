package journal

import "bytes"

// findData finds the data object with a payload (FIELD=value) by the hash table
// of data, and returns its offset, 0 if the file has none.
func (f *File) findData(payload []byte, d *decoder) (uint64, error) {
	hash := f.hash(payload)
	at, err := f.bucket(f.dataTable, f.dataBuckets, hash)
	for at != 0 && err == nil {
		if _, err = f.object(at, objectData); err != nil {
			return 0, err
		}
		if f.u64(at+dataHashAt) == hash {
			p, err := d.payload(f, at)
			if err != nil || bytes.Equal(p, payload) {
				return at, err
			}
		}
		at, err = f.chained(at, f.u64(at+dataNextHashAt))
	}
	return 0, err
}

// findField finds the field object of a name, and returns its offset, 0 if the
// file has none.
func (f *File) findField(name string) (uint64, error) {
	hash := f.hash([]byte(name))
	at, err := f.bucket(f.fieldTable, f.fieldBuckets, hash)
	for at != 0 && err == nil {
		got, err := f.fieldName(at)
		if err != nil || string(got) == name {
			return at, err
		}
		at, err = f.chained(at, f.u64(at+fieldNextHashAt))
		if err != nil {
			return 0, err
		}
	}
	return 0, err
}

// fieldName is the name that the field object at an offset holds.
func (f *File) fieldName(at uint64) ([]byte, error) {
	size, err := f.object(at, objectField)
	if err != nil {
		return nil, err
	}
	return f.data[at+fieldPayload : at+size], nil
}

// bucket is the first object of the bucket that a hash belongs to.
func (f *File) bucket(table, buckets, hash uint64) (uint64, error) {
	if table == 0 || buckets == 0 {
		return 0, nil
	}
	if table%8 != 0 || table > uint64(len(f.data)) || buckets > (uint64(len(f.data))-table)/hashItemSize {
		return 0, corrupt(table, "a hash table of %d buckets", buckets)
	}
	f.need(table+hash%buckets*hashItemSize, hashItemSize)
	return f.u64(table + hash%buckets*hashItemSize), nil
}

// chained checks a link from one object of a bucket to the next: objects are
// appended, so it leads forward, or around for ever.
func (f *File) chained(at, next uint64) (uint64, error) {
	if next != 0 && next <= at {
		return 0, corrupt(at, "a chain of hashes that leads back to %#x", next)
	}
	return next, nil
}
