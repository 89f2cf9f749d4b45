#!/bin/sh
# Builds the helper and the toolbox for both architectures into a directory, by default this one.
set -eu
out=${1:-.}
for arch in amd64 arm64; do
	for program in helper toolbox; do
		GOOS=linux GOARCH=$arch GOAMD64=v1 GOARM64=v8.0 CGO_ENABLED=0 GOFLAGS= GOEXPERIMENT= go build \
			-trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$out/$program-$arch" ../$program
		gzip -9nf "$out/$program-$arch"
	done
done
