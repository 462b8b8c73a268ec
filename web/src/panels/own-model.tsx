import { ClassNames } from "../components/class-names.tsx";
import { ReadingOptions } from "../components/reading-options.tsx";
import { known } from "../state/loading.ts";
import { modelFailure, openingOwn, openOwnModel, ownModel } from "../state/opening.ts";
import { model, ownNames } from "../state/session.ts";

/** How a file of one's own is read: the one that failed, the one that opens, or the one in use. */
export function OwnModelReading() {
  const info = known(model.value);
  const failed = modelFailure.value;
  const inUse = info && info.sha256 === ownModel.value?.sha256 ? ownModel.value : null;
  const own = failed?.own ?? openingOwn.value ?? inUse;
  if (!own) return null;
  // The library says what does not fit; a shape is one thing that the person can add.
  const aboutShape = failed?.own ? /shape|\bsizes?\b/i.test(failed.failure.message) : own === inUse && info?.sizesOpen;
  return (
    <ReadingOptions
      key={`${own.file.name} ${own.file.lastModified} ${own.file.size}`}
      options={own.options}
      needsShape={aboutShape === true || own.options.shape !== undefined}
      onOptions={(options) => void openOwnModel(own.file, options)}
    />
  );
}

/** What the classes of an own model are called. */
export function OwnClassNames() {
  const info = known(model.value);
  if (info?.bundled !== null) return null;
  return (
    <ClassNames
      names={ownNames.value.names}
      classes={info.classes}
      onNames={(names) => {
        ownNames.value = { names };
      }}
    />
  );
}
