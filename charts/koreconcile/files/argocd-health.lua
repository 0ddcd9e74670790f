-- Health of every kind of koreconcile.dev, for Argo CD's resource.customizations."koreconcile.dev/*".
local status = obj.status or {}

local function condition(name)
  for _, found in ipairs(status.conditions or {}) do
    if found.type == name then
      return found
    end
  end
  return {}
end

local function said(found)
  if found.message ~= nil and found.message ~= "" then
    return (found.reason or "") .. ": " .. found.message
  end
  return found.reason or ""
end

-- A plan is something to read, not something to wait for.
if obj.kind == "KorePlan" then
  return { status = "Healthy", message = status.phase or "Pending" }
end

local ready, accepted, stalled = condition("Ready"), condition("Accepted"), condition("Stalled")

if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the controller has not observed this generation yet" }
elseif stalled.status == "True" then
  return { status = "Degraded", message = said(stalled) }
elseif ready.status == "True" or obj.kind == "KorePlanApproval" and accepted.status == "True" then
  return { status = "Healthy", message = said(ready) }
elseif ready.reason == "Suspended" or ready.reason == "Paused" or ready.reason == "ApprovalRequired" then
  return { status = "Suspended", message = said(ready) }
end
return { status = "Progressing", message = said(ready) }
