// SPDX-License-Identifier: Apache-2.0

/** Files in PEM, read whenever a connection is made anew, so that what is renewed in place is used. */
export interface FleetTls {
  /** What this node shows of itself, with its chain, and the key of that. */
  readonly certFile?: string
  readonly keyFile?: string
  /** Whose certificates a fleet may show, instead of the authorities that Node.js knows. */
  readonly caFile?: string
}

/** Where rows are shipped and who says so. Plain data: it is handed to the drainer's thread. */
export interface FleetSettings {
  /** Of the fleet, without `/ingest/v1`. */
  readonly url: string
  /** `fle_…`, to be exchanged once for a credential, or a credential `fln_…`. Never print it. */
  readonly token: string
  /** Where the credential is kept that a token was exchanged for. */
  readonly credentialFile: string
  readonly source_node_id: string
  readonly service_id: string
  /** Keys that sign the logs of this process, 64 hex each, whichever store they belong to. */
  readonly publicKeys: readonly string[]
  /** Folders of keys that were in use before. */
  readonly archives: readonly string[]
  /** What the spools may hold each; told to the fleet. */
  readonly spoolBytesMax?: number
  readonly tls?: FleetTls | undefined
}
