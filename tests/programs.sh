#!/bin/sh
# programs.sh PACKAGE…: Debian packages whose programs some tests drive (a browser, a proxy, DICOM's own tools).
# Root on Debian gets what is missing; others are told, and those tests say that they skip. Never fails.
missing=
for package in "$@"; do
  case $package in
    nginx-light) program=nginx ;;
    dcmtk) program=dsrdump ;;
    dicom3tools) program=dciodvfy ;;
    poppler-utils) program=pdftotext ;;
    nodejs) program=node ;;
    *) program=$package ;;
  esac
  command -v "$program" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing for the tests:$missing"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 && exit 0
  echo "not installed: some tests will skip"
else
  echo "some tests will skip; on Debian: sudo apt-get install$missing"
fi
exit 0
