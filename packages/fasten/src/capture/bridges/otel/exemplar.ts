// SPDX-License-Identifier: Apache-2.0
import { currentContext } from '../../context.ts'
import { activeSpan } from '../../trace-bridge.ts'

/** Labels of an exemplar; nothing outside any work. */
export interface ExemplarLabels {
  request_id?: string
  trace_id?: string
  span_id?: string
}

/** OpenMetrics: names and values of all labels together. */
const charactersMax = 128

/**
 * The ids of the work in progress as labels of an exemplar: from a spike in a graph to the rows behind it. Where all would be longer than the 128
 * characters that OpenMetrics allows, the span is left out first, then the request id: an id that was cut finds nothing.
 *
 * @example histogram.observe({ labels, value, exemplarLabels: exemplarNow() })
 */
export function exemplarNow(): ExemplarLabels {
  const context = currentContext()
  const { trace_id, span_id } = activeSpan() ?? context ?? {}
  const labels: ExemplarLabels = {}
  let left = charactersMax
  const add = (name: keyof ExemplarLabels, value: string | undefined): void => {
    if (value === undefined || name.length + value.length > left) return
    left -= name.length + value.length
    labels[name] = value
  }
  add('trace_id', trace_id)
  add('request_id', context?.request_id)
  add('span_id', span_id)
  return labels
}

/** What of `prom-client` (15) is patched. */
export interface PromClient {
  readonly Histogram: { readonly prototype: object }
  readonly Counter: { readonly prototype: object }
}

interface UpdatingHistogram {
  updateExemplar(labels: unknown, value: unknown, exemplarLabels: object): void
}

interface UpdatingCounter {
  updateExemplar(exemplarLabels: object, value: unknown, hash: unknown): void
}

const patched = new WeakMap<object, () => void>()

/**
 * Gives an exemplar with the ids of the work in progress to every histogram and counter that was made with `enableExemplars: true`, where
 * the call gives none of its own. Histograms made without are left alone. Patches the client in place, once; returns what undoes it. A
 * `TypeError` when it is not prom-client 15.
 */
export function instrumentPromClient(client: PromClient): () => void {
  const done = patched.get(client)
  if (done !== undefined) return done
  const histogram = client.Histogram.prototype as UpdatingHistogram
  const counter = client.Counter.prototype as UpdatingCounter
  const before = { histogram: histogram.updateExemplar, counter: counter.updateExemplar }
  if (typeof before.histogram !== 'function' || typeof before.counter !== 'function')
    throw new TypeError('client: this is not prom-client 15, which has exemplars')
  histogram.updateExemplar = function (labels, value, exemplarLabels) {
    before.histogram.call(this, labels, value, orNow(exemplarLabels))
  }
  counter.updateExemplar = function (exemplarLabels, value, hash) {
    before.counter.call(this, orNow(exemplarLabels), value, hash)
  }
  const undo = (): void => {
    if (patched.get(client) !== undo) return
    patched.delete(client)
    histogram.updateExemplar = before.histogram
    counter.updateExemplar = before.counter
  }
  patched.set(client, undo)
  return undo
}

/** An empty set is what prom-client itself hands on where none was given; it is returned as it is, since it is told by identity. */
function orNow(given: object): object {
  if (Object.keys(given).length > 0) return given
  const now = exemplarNow()
  return Object.keys(now).length > 0 ? now : given
}
