import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import manifest from '../package.json'
import type { Component } from './components.ts'

/** What is in the executable, as a CycloneDX document; the same bytes for the same parts, so without
 * a time or a random number. */
export const sbomText = (parts: readonly Component[]): string => {
  const { name, version, license } = manifest
  const server = new Models.Component(Enums.ComponentType.Application, name, {
    version,
    bomRef: name,
    licenses: licenseOf(license),
    purl: `pkg:generic/${name}@${version}`,
  })
  const known = new Map(parts.map((part) => [part.url, ofPart(part)]))
  for (const { url, needs, isDirect } of parts) {
    const one = known.get(url)
    if (!one) continue
    if (isDirect) server.dependencies.add(one.bomRef)
    for (const needed of needs.flatMap((other) => known.get(other) ?? []))
      one.dependencies.add(needed.bomRef)
  }
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: server }),
    components: new Models.ComponentRepository(known.values()),
  })
  return new Serialize.JsonSerializer(
    new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6),
  ).serialize(bom, { sortLists: true, space: 2 })
}

const ofPart = ({ name, version, license, url, homepage }: Component): Models.Component => {
  const one = new Models.Component(Enums.ComponentType.Library, name, {
    version,
    bomRef: url,
    licenses: licenseOf(license),
    purl: url,
  })
  if (homepage)
    one.externalReferences.add(
      new Models.ExternalReference(homepage, Enums.ExternalReferenceType.Website),
    )
  if (name === 'bun') {
    one.type = Enums.ComponentType.Platform
    one.components = new Models.ComponentRepository(LINKED.map(linked))
  }
  return one
}

const licenseOf = (license: string) =>
  new Models.LicenseRepository([
    / (AND|OR|WITH) /.test(license)
      ? new Models.LicenseExpression(license)
      : new Models.SpdxLicense(license),
  ])

/** What Bun says it is linked with, by the names of `process.versions`. */
const LINKED = [
  'sqlite',
  'webkit',
  'boringssl',
  'icu',
  'zlib',
  'zstd',
  'libarchive',
  'libdeflate',
  'mimalloc',
  'uwebsockets',
  'usockets',
  'ares',
  'lshpack',
  'lolhtml',
  'tinycc',
] as const

const LINKED_LICENSES: Readonly<Record<string, string>> = {
  sqlite: 'blessing',
  webkit: 'LGPL-2.0-or-later',
}

const linked = (name: string): Models.Component => {
  const version = process.versions[name]
  if (version === undefined) throw new Error(`Bun no longer names its ${name}`)
  const license = LINKED_LICENSES[name]
  return new Models.Component(Enums.ComponentType.Library, name, {
    version,
    bomRef: `bun/${name}`,
    ...(license ? { licenses: licenseOf(license) } : {}),
  })
}
