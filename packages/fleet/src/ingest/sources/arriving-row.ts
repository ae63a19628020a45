// SPDX-License-Identifier: Apache-2.0
import type {
  DraftEnvelope,
  JsonObject,
  Origin,
  StreamName,
  UncleanApi,
  UncleanAudit,
  UncleanSys,
} from 'fasten/core'

type WithoutEnvelope<D> = D extends unknown ? Omit<D, keyof DraftEnvelope> : never

/** What a row says beyond its envelope, in the members that rows of its stream have. Redacted before it is sealed. */
export type ArrivingMembers = WithoutEnvelope<UncleanAudit | UncleanSys | UncleanApi>

/** A row of a source, mapped to the members of ours and not yet placed. */
export type ArrivingRow = {
  /**
   * What it is told apart by among all rows of its source: its own id, or a digest of it where it has none. A row whose identity came before is not
   * stored again.
   */
  readonly identity: string
  /** What must be the same when the identity is: a digest of all that came. Default: nothing, for identities that are digests themselves. */
  readonly content?: string | undefined
  /** What it says; undefined for none. The source's stamp goes before it. */
  readonly tenant_id?: string | undefined
  /** Canonical. */
  readonly timestamp: string
  /** One that may stand in a row; one is minted where it is left out. */
  readonly request_id?: string | undefined
  readonly inbound_request_id?: string | undefined
  readonly trace_id?: string | undefined
  readonly span_id?: string | undefined
  /** The source's own id of the row that caused this one. */
  readonly caused_by?: string | undefined
  readonly origin: Pick<Origin, 'proof'> & Partial<Omit<Origin, 'arrived_at' | 'source' | 'kind'>>
  /** As it was sent, for evidence; its first 65,536 bytes are kept. */
  readonly sent: Uint8Array
} & (
  | { readonly isClean?: false; readonly members: ArrivingMembers }
  /** Of a leaf that some fasten has redacted and serialised: kept as it is. */
  | { readonly isClean: true; readonly members: JsonObject & { readonly stream: StreamName } }
)
