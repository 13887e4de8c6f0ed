// validate.mjs FILE: prints what CycloneDX's strict validator for JSON, version 1.6, finds wrong, and nothing where nothing is.
import fs from "node:fs";
import cdx from "@cyclonedx/cyclonedx-library";

const validator = new cdx.Validation.JsonStrictValidator(cdx.Spec.Version.v1dot6);
const error = await validator.validate(fs.readFileSync(process.argv[2], "utf8"));
if (error !== null) console.log(JSON.stringify(error).slice(0, 2000));
