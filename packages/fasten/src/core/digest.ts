// SPDX-License-Identifier: Apache-2.0

/**
 * SHA-256, handed in by the environment: the platform's hash on a server, a small pure one in a browser (whose built-in
 * hashing is asynchronous and would colour every caller). Takes the bytes, returns 64 lower-case hex characters.
 */
export type Digest = (bytes: Uint8Array) => string
