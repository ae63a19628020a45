// SPDX-License-Identifier: Apache-2.0

/**
 * What signs checkpoints: a key of this machine (node-key.ts), or an object that an application hands to `init({ signer })`, with
 * the key in a KMS, an HSM or another process.
 *
 * `publicKey` is the 32 bytes of an Ed25519 public key and MUST NOT change while the object lives. `sign` MUST resolve with the 64
 * bytes of the Ed25519 signature of exactly these bytes under that key, or reject; it may take its time and may fail: rows
 * are stored all the same, and the checkpoint is tried again. It MUST NOT sign anything for anybody else with this key: a log
 * whose key signs two histories proves nothing. `describeSigner` of fasten/testing holds an implementation against this.
 */
export interface Signer {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** Where the key of a store comes from. Plain data: it is handed to the drainer's thread. */
export type KeyOrigin =
  /** No checkpoints are wanted. */
  | { readonly kind: 'off' }
  /** A file: made on first use when it is `ours`, else given. */
  | { readonly kind: 'file'; readonly path: string; readonly isOurs: boolean }
  /** The key itself, as text of `parseNodeKey`. Never print it. */
  | { readonly kind: 'text'; readonly text: string; readonly at: string }
  /** An object that stays on its thread. */
  | { readonly kind: 'object' }
