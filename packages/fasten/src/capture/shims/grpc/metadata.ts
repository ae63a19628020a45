// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'

/** What the shim needs of the metadata of a call; `Metadata` of @grpc/grpc-js is that. */
export interface GrpcMetadata {
  get(key: string): readonly unknown[]
  set(key: string, value: string): void
  clone(): this
}

/** Metadata holds printable ASCII; `set` throws for anything else, and a call must not fail for its ids. */
const printable = /^[ -~]*$/

const inPlace = createHeaderCarrier<GrpcMetadata>({
  name: 'grpc',
  method: 'grpc',
  get(metadata, name) {
    const values = metadata.get(name)
    // W3C lists may come as several headers, which then are one list.
    return values.length > 0 && values.every((value) => typeof value === 'string')
      ? values.join(',')
      : values[0]
  },
  set(metadata, name, value) {
    if (printable.test(value)) metadata.set(name, value)
    return metadata
  },
})

/**
 * The ids in the metadata of a call, under the names that HTTP has for them. Answers a copy: applications use one `Metadata` for many calls, and the
 * id of the first would stay in it for all.
 */
export function grpcCarrier<Metadata extends GrpcMetadata>(): Carrier<Metadata> {
  return {
    ...inPlace,
    inject: (metadata, carried) => inPlace.inject(metadata.clone(), carried) as Metadata,
  }
}
