import { ClassNames } from "../components/class-names.tsx";
import { ReadingOptions } from "../components/reading-options.tsx";
import { known } from "../state/loading.ts";
import { modelFailure, openOwnModel, ownModel } from "../state/opening.ts";
import { model, ownNames } from "../state/session.ts";

/** What can be said of a file of one's own: of the one that failed, or of the one in use. */
export function OwnModelOptions() {
  const info = known(model.value);
  const failed = modelFailure.value;
  const open = info?.bundled === null && ownModel.value?.sha256 === info.sha256 ? ownModel.value : null;
  const own = failed?.own ?? open;
  if (!own) return null;
  const aboutShape = failed?.own != null && /shape|sizes?\b|samples of/i.test(failed.failure.message);
  const needsShape = aboutShape || own.options.shape !== undefined || (open !== null && info?.sizesOpen === true);
  return (
    <>
      <ReadingOptions
        key={`${own.file.name} ${own.file.lastModified} ${own.file.size}`}
        options={own.options}
        needsShape={needsShape}
        onOptions={(options) => void openOwnModel(own.file, options)}
      />
      {open && info ? (
        <ClassNames
          names={ownNames.value.names}
          classes={info.classes}
          onNames={(names) => {
            ownNames.value = { names };
          }}
        />
      ) : null}
    </>
  );
}
