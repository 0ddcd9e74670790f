# The controller's image: the binary and the CA roots, nothing to log in with, and no user but one without rights.
#
#   docker build -t registry.example.com/koreconcile:0.2.0 .

FROM rust:1.95-trixie AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --locked --bin koreconcile && \
    install -D target/release/koreconcile /out/koreconcile

# With the C library that the binary links, and /etc/ssl/certs.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /out/koreconcile /usr/local/bin/koreconcile
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/koreconcile"]
CMD ["controller", "--help"]
