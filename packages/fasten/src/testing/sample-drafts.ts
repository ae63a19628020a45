// SPDX-License-Identifier: Apache-2.0
import type { ApiDraft, AuditDraft, Draft, DraftEnvelope, StreamName, SysDraft } from '../core/row.ts'

export interface SampleOptions {
  readonly tenant_id?: string
  readonly service_id?: string
  readonly source_node_id?: string
  /** 16 hex; a process of its own. */
  readonly boot_id?: string
  /** The first microsecond, as the last six digits and seconds of a fixed morning. Default 0. */
  readonly startMicros?: number
}

/** Drafts with every anchor filled, one microsecond apart unless told otherwise, all on 2031-03-01. */
export interface SampleDrafts {
  audit(members?: Partial<AuditDraft>): AuditDraft
  sys(members?: Partial<SysDraft>): SysDraft
  api(members?: Partial<ApiDraft>): ApiDraft
  of(stream: StreamName, members?: Partial<Draft>): Draft
}

/** No sample lies outside this window; rows that a store writes of its own accord (LOG_CREATED) do. */
export const sampleWindow = {
  since: '2031-03-01T00:00:00.000000Z',
  until: '2031-03-01T23:59:59.999999Z',
} as const

/** The canonical text of `micros` after the samples' midnight. */
export function sampleTime(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return `2031-03-01T${clock}.${String(micros % 1_000_000).padStart(6, '0')}Z`
}

/** A source of drafts as one process would emit them. Two sources with the same options make the same drafts. */
export function createSampleDrafts(options: SampleOptions = {}): SampleDrafts {
  const {
    tenant_id,
    service_id = 'gateway',
    source_node_id = 'edge-1',
    boot_id = '00000000000000aa',
    startMicros = 0,
  } = options
  let count = 0
  const envelope = (): DraftEnvelope => {
    const boot_seq = count++
    return {
      canonical_form_id: '3',
      wire_version: '2',
      id: `evt-0${boot_id.slice(-10).toUpperCase()}${String(boot_seq).padStart(15, '0')}`,
      boot_id,
      boot_seq,
      timestamp: sampleTime(startMicros + boot_seq),
      service_id,
      source_node_id,
      ...(tenant_id === undefined ? {} : { tenant_id }),
      request_id: `req-${String(boot_seq % 5)}`,
    }
  }
  const samples: SampleDrafts = {
    audit: (members = {}) => ({
      ...envelope(),
      stream: 'audit',
      code: 'ORDER_PLACED',
      action: 'order.place',
      severity: 'info',
      domain: 'sales',
      category: 'order',
      actor: 'u-42',
      actor_kind: 'user',
      target: 'order/42',
      method: 'http',
      outcome: 'success',
      retention_class: 'medium',
      detail: { qty: 3, sku: 'WIDGET' },
      ...members,
    }),
    sys: (members = {}) => ({
      ...envelope(),
      stream: 'sys',
      level: 'info',
      event: 'order_placed',
      logger: 'billing',
      fields: { took: 12 },
      ...members,
    }),
    api: (members = {}) => ({
      ...envelope(),
      stream: 'api',
      method: 'POST',
      path: '/orders',
      route: '/orders',
      status: 201,
      duration_us: 12_600,
      ...members,
    }),
    of: (stream, members) => {
      if (stream === 'audit') return samples.audit(members as Partial<AuditDraft>)
      return stream === 'sys'
        ? samples.sys(members as Partial<SysDraft>)
        : samples.api(members as Partial<ApiDraft>)
    },
  }
  return samples
}
