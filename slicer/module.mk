# Prints what a folder's Kbuild says of its modules: their objects, and the compiler's options.
# make -s -f module.mk src=FOLDER srctree=TREE autoconf=FILE KERNELRELEASE=VERSION
include $(autoconf)
include $(firstword $(wildcard $(src)/Kbuild $(src)/Makefile))
parts = $($(1)-objs) $($(1)-y) $($(1)-m)
$(foreach m,$(filter %.o,$(obj-m)),$(info module $(m) $(strip $(call parts,$(m:.o=)))))
$(foreach m,$(filter %.o,$(obj-m)),$(foreach o,$(m) $(call parts,$(m:.o=)),$(info options $(o) $(CFLAGS_$(o)))))
$(info options * $(subdir-ccflags-y) $(ccflags-y) $(EXTRA_CFLAGS))
$(info below $(subdir-ccflags-y))
.PHONY: slicer-prints
slicer-prints: ;
