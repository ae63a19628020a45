// SPDX-License-Identifier: Apache-2.0
import { currentContext } from '../../context.ts'
import type { OtelContext } from './api.ts'

/** What reads and writes the headers of whatever OpenTelemetry instruments. */
interface Getter {
  keys(carrier: unknown): string[]
  get(carrier: unknown, name: string): string | string[] | undefined
}

interface Setter {
  set(carrier: unknown, name: string, value: string): void
}

/** A `TextMapPropagator`, as every SDK takes one. */
export interface RequestIdPropagator {
  inject(context: OtelContext, carrier: unknown, setter: Setter): void
  extract(context: OtelContext, carrier: unknown, getter: Getter): OtelContext
  fields(): string[]
}

/** Registered with the process, so that two copies of this package understand each other. */
const key = Symbol.for('fasten.request_id')

/** The request id that `extract` put into the context, as it was sent. */
export function carriedRequestId(context: OtelContext): string | undefined {
  const id = context.getValue(key)
  return typeof id === 'string' ? id : undefined
}

/**
 * Carries the request id in a header of every call that OpenTelemetry instruments, inbound and outbound, beside `traceparent`: for
 * applications that have its instrumentations and none of our shims. Mind that OpenTelemetry propagates to every host. An id that is
 * there already stays. Put it beside the usual ones: `new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new
 * W3CBaggagePropagator(), createPropagator()] })`.
 */
export function createPropagator({
  header = 'x-request-id',
}: { readonly header?: string } = {}): RequestIdPropagator {
  return {
    inject(context, carrier, setter) {
      const id = currentContext()?.request_id ?? carriedRequestId(context)
      if (id !== undefined && !hasHeader(carrier, header)) setter.set(carrier, header, id)
    },
    extract(context, carrier, getter) {
      const found = getter.get(carrier, header)
      const id = Array.isArray(found) ? found[0] : found
      return typeof id === 'string' && id !== '' ? context.setValue(key, id) : context
    },
    fields: () => [header],
  }
}

/** Setters cannot be asked, and most carriers are plain objects. */
function hasHeader(carrier: unknown, header: string): boolean {
  if (typeof carrier !== 'object' || carrier === null) return false
  return Object.keys(carrier).some((name) => name.toLowerCase() === header.toLowerCase())
}
