; The call entry: a Python function (METH_FASTCALL) that interprets a plan, the table `tables.py` makes of a signature.
;
; It is compiled once for all signatures. The offsets into Python's and NumPy's objects are those that `abi.py` has found
; to hold: type at 8; data of a float, a complex, a NumPy scalar or an array at 16; size of a list or tuple at 16; items
; of a tuple at 24, a pointer to those of a list at 24; an array's ndim at 24, shape at 32, strides at 40, dtype at 56,
; flags at 64; content of a bytes object at 32.

; What is the same at every call.
;   0 arguments   1 nodes, 2 table of nodes   3 pointers, 4 their values before a call   5 ranges, 6 table of ranges,
;   7 addresses that were found apart   8 copies, 9 table of copies   10 outputs, 11 table of outputs   12 stages,
;   13 table of stages   14 building steps, 15 their table, 16 the room they need   17 bytes of the arena, 18 where the
;   list of free arenas starts   19 whether to release the GIL   20 MISMATCH   21 Declined   22 is_same_static
;   23 MISSING
%Plan = type { i64, i64, ptr, i64, ptr, i64, ptr, ptr, i64, ptr, i64, ptr, i64, ptr, i64, ptr, i64, i64, ptr, i64, ptr, ptr, ptr, ptr }

; A value to take: 0 from where, 1 out of which node, argument or object, 2 its index, key or name, 3 what it has to be,
; 4 its type, description or value, 5 its size, the number of its pointer, or the node that it has to be the same object
; as, 6 whether an equal value will do,
; 7 whether an equal key will do
%Node = type { i64, i64, ptr, i64, ptr, i64, i64, i64 }

; An array: 0 dtype, 1 flags that must be set, 2 ndim, 3 whether to look at strides; shape and strides follow.
%Array = type { ptr, i64, i64, i64 }

; An array's memory: 0 node, 1 first byte, 2 end, from its data; 3 whether it is written to
%Range = type { i64, i64, i64, i64 }

; A result's memory: 0 pointer, 1 whether it is an array, 2 dtype, 3 ndim, 4 shape
%Output = type { i64, i64, ptr, i64, ptr }

; A part of the function: 0 whether it is native, 1 its address or object
%Stage = type { i64, ptr }

; A step of making the result, on a stack: 0 what to do, 1 a count or number, 2 an object
%Step = type { i64, i64, ptr }

; One call.
;   0 arguments   1 objects of the nodes   2 an integer for each node   3 pointers   4 arrays of the outputs
;   5 16 bytes for each output   6 the stack of the building steps   7 nodes taken so far   8 arena
%Frame = type { ptr, ptr, ptr, ptr, ptr, ptr, ptr, i64, ptr }

@_Py_NoneStruct = external global i8
@PyArray_Type = external global i8
@PyUnicode_Type = external global i8

declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare void @PyErr_Clear()
declare ptr @PyErr_NoMemory()
declare ptr @PyMem_RawMalloc(i64)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i64 @PyDict_Size(ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare ptr @PyObject_GetItem(ptr, ptr)
declare ptr @PyCell_Get(ptr)
declare i32 @PyContextVar_Get(ptr, ptr, ptr)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyObject_GenericGetAttr(ptr, ptr)
declare i32 @PyObject_GenericSetAttr(ptr, ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare i32 @PyObject_IsTrue(ptr)
declare i32 @PyUnicode_Compare(ptr, ptr)
declare ptr @PyType_GenericAlloc(ptr, i64)
declare ptr @PyTuple_New(i64)
declare ptr @PyList_New(i64)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyLong_FromVoidPtr(ptr)
declare ptr @PyBool_FromLong(i64)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyComplex_FromDoubles(double, double)
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare i8 @PyArray_EquivTypes(ptr, ptr)

; A call of an object that holds an entry: run it, and if that is None, or it declines, or keywords were given, run what
; the object holds for that. Two words in a row: the entry and the other, at an offset that depends on the object's class.
@chainrule_offset = external global i8
@chainrule_declined = external global i8

define ptr @chainrule_call(ptr %self, ptr %args, i64 %count, ptr %keywords) nounwind {
  %offset = ptrtoint ptr @chainrule_offset to i64
  %entry_at = getelementptr i8, ptr %self, i64 %offset
  %entry = load ptr, ptr %entry_at
  %other_at = getelementptr ptr, ptr %entry_at, i64 1
  %has_keywords = icmp ne ptr %keywords, null
  %has_no_entry = icmp eq ptr %entry, @_Py_NoneStruct
  %is_other = or i1 %has_keywords, %has_no_entry
  br i1 %is_other, label %otherwise, label %enter

enter:
  call void @Py_IncRef(ptr %entry)
  %result = call ptr @PyObject_Vectorcall(ptr %entry, ptr %args, i64 %count, ptr null)
  call void @Py_DecRef(ptr %entry)
  %has_result = icmp ne ptr %result, null
  br i1 %has_result, label %look, label %end

look:
  %type_at = getelementptr i8, ptr %result, i64 8
  %type = load ptr, ptr %type_at
  %has_declined = icmp eq ptr %type, @chainrule_declined
  br i1 %has_declined, label %declined, label %end

declined:
  call void @Py_DecRef(ptr %result)
  br label %otherwise

end:
  ret ptr %result

otherwise:
  %other = load ptr, ptr %other_at
  call void @Py_IncRef(ptr %other)
  %other_result = call ptr @PyObject_Vectorcall(ptr %other, ptr %args, i64 %count, ptr %keywords)
  call void @Py_DecRef(ptr %other)
  ret ptr %other_result
}

define ptr @chainrule_entry(ptr %self, ptr %args, i64 %count) nounwind {
  %plan = getelementptr i8, ptr %self, i64 32
  %expected = load i64, ptr %plan
  %right = icmp eq i64 %count, %expected
  br i1 %right, label %begin, label %mismatch

begin:
  %nodes.at = getelementptr i64, ptr %plan, i64 1
  %nodes = load i64, ptr %nodes.at
  %slots.at = getelementptr i64, ptr %plan, i64 3
  %slots = load i64, ptr %slots.at
  %outputs.at = getelementptr i64, ptr %plan, i64 10
  %outputs = load i64, ptr %outputs.at
  %depth.at = getelementptr i64, ptr %plan, i64 16
  %depth = load i64, ptr %depth.at
  %frame = alloca %Frame
  %objects = alloca ptr, i64 %nodes
  %integers = alloca i64, i64 %nodes
  %pointers = alloca ptr, i64 %slots
  %arrays = alloca ptr, i64 %outputs
  %cells = alloca [2 x i64], i64 %outputs, align 16
  %stack = alloca ptr, i64 %depth
  store ptr %args, ptr %frame
  %frame1 = getelementptr %Frame, ptr %frame, i64 0, i32 1
  store ptr %objects, ptr %frame1
  %frame2 = getelementptr %Frame, ptr %frame, i64 0, i32 2
  store ptr %integers, ptr %frame2
  %frame3 = getelementptr %Frame, ptr %frame, i64 0, i32 3
  store ptr %pointers, ptr %frame3
  %frame4 = getelementptr %Frame, ptr %frame, i64 0, i32 4
  store ptr %arrays, ptr %frame4
  %frame5 = getelementptr %Frame, ptr %frame, i64 0, i32 5
  store ptr %cells, ptr %frame5
  %frame6 = getelementptr %Frame, ptr %frame, i64 0, i32 6
  store ptr %stack, ptr %frame6
  %frame7 = getelementptr %Frame, ptr %frame, i64 0, i32 7
  store i64 0, ptr %frame7
  %frame8 = getelementptr %Frame, ptr %frame, i64 0, i32 8
  store ptr null, ptr %frame8
  call void @start_pointers(ptr %plan, ptr %pointers)
  %taken = call i1 @take(ptr %plan, ptr %frame)
  br i1 %taken, label %compare, label %release_mismatch

compare:
  %apart = call i1 @are_apart(ptr %plan, ptr %objects)
  br i1 %apart, label %prepare, label %release_mismatch

prepare:
  call void @clear(ptr %arrays, i64 %outputs)
  %ready = call i1 @make_outputs(ptr %plan, ptr %frame)
  br i1 %ready, label %borrow, label %fail

borrow:
  call void @copy_pointers(ptr %plan, ptr %pointers)
  %lent = call i1 @borrow_arena(ptr %plan, ptr %frame)
  br i1 %lent, label %run, label %fail

run:
  %status = call i64 @run_stages(ptr %plan, ptr %frame)
  call void @return_arena(ptr %plan, ptr %frame)
  %well = icmp eq i64 %status, 0
  br i1 %well, label %build, label %declined

build:
  %result = call ptr @build(ptr %plan, ptr %frame)
  br label %done

declined:
  %is_error = icmp eq i64 %status, -1
  br i1 %is_error, label %fail, label %decline

decline:
  %refusal = call ptr @decline(ptr %plan, i64 %status)
  br label %done

fail:
  br label %done

done:
  %returned = phi ptr [ %result, %build ], [ %refusal, %decline ], [ null, %fail ]
  call void @drop(ptr %arrays, i64 %outputs)
  call void @release(ptr %plan, ptr %frame)
  ret ptr %returned

release_mismatch:
  call void @release(ptr %plan, ptr %frame)
  br label %mismatch

mismatch:
  %object.at = getelementptr i64, ptr %plan, i64 20
  %object = load i64, ptr %object.at
  %sentinel = inttoptr i64 %object to ptr
  call void @Py_IncRef(ptr %sentinel)
  ret ptr %sentinel
}

; Start from the addresses of the constants.
define internal void @start_pointers(ptr %plan, ptr %pointers) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 3
  %count = load i64, ptr %count.at
  %from.at = getelementptr ptr, ptr %plan, i64 4
  %from = load ptr, ptr %from.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %turn ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %source = getelementptr ptr, ptr %from, i64 %i
  %value = load ptr, ptr %source
  %target = getelementptr ptr, ptr %pointers, i64 %i
  store ptr %value, ptr %target
  %next = add i64 %i, 1
  br label %loop

end:
  ret void
}

; Give further slots the addresses that the first slot of the same memory has.
define internal void @copy_pointers(ptr %plan, ptr %pointers) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 8
  %count = load i64, ptr %count.at
  %copies.at = getelementptr ptr, ptr %plan, i64 9
  %copies = load ptr, ptr %copies.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %turn ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %copy = getelementptr [2 x i64], ptr %copies, i64 %i
  %from = load i64, ptr %copy
  %second = getelementptr i64, ptr %copy, i64 1
  %to = load i64, ptr %second
  %source = getelementptr ptr, ptr %pointers, i64 %from
  %value = load ptr, ptr %source
  %target = getelementptr ptr, ptr %pointers, i64 %to
  store ptr %value, ptr %target
  %next = add i64 %i, 1
  br label %loop

end:
  ret void
}

define internal void @clear(ptr %objects, i64 %count) nounwind {
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %turn ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %at = getelementptr ptr, ptr %objects, i64 %i
  store ptr null, ptr %at
  %next = add i64 %i, 1
  br label %loop

end:
  ret void
}

; Give back the references to objects; some are null.
define internal void @drop(ptr %objects, i64 %count) nounwind {
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %turn ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  call void @Py_DecRef(ptr %object)
  %next = add i64 %i, 1
  br label %loop

end:
  ret void
}

; Give back what was taken out of containers; the arguments themselves are the caller's.
define internal void @release(ptr %plan, ptr %frame) nounwind {
  %nodes.at = getelementptr ptr, ptr %plan, i64 2
  %nodes = load ptr, ptr %nodes.at
  %objects.at = getelementptr ptr, ptr %frame, i64 1
  %objects = load ptr, ptr %objects.at
  %count.at = getelementptr i64, ptr %frame, i64 7
  %count = load i64, ptr %count.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %continue ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %node = getelementptr %Node, ptr %nodes, i64 %i
  %way = load i64, ptr %node
  %is_argument = icmp eq i64 %way, 0
  br i1 %is_argument, label %continue, label %owned

owned:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  call void @Py_DecRef(ptr %object)
  br label %continue

continue:
  %next = add i64 %i, 1
  br label %loop

end:
  ret void
}

; Take every node out of its container and check it. False if one is not what it should be.
define internal i1 @take(ptr %plan, ptr %frame) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 1
  %count = load i64, ptr %count.at
  %nodes.at = getelementptr ptr, ptr %plan, i64 2
  %nodes = load ptr, ptr %nodes.at
  %args.at = getelementptr ptr, ptr %frame, i64 0
  %args = load ptr, ptr %args.at
  %objects.at = getelementptr ptr, ptr %frame, i64 1
  %objects = load ptr, ptr %objects.at
  %integers.at = getelementptr ptr, ptr %frame, i64 2
  %integers = load ptr, ptr %integers.at
  %pointers.at = getelementptr ptr, ptr %frame, i64 3
  %pointers = load ptr, ptr %pointers.at
  %taken = getelementptr %Frame, ptr %frame, i64 0, i32 7
  %key_at = alloca ptr
  %value_at = alloca ptr
  %overflow_at = alloca i32
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %good ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %all

turn:
  %node = getelementptr %Node, ptr %nodes, i64 %i
  %way = load i64, ptr %node
  %node1 = getelementptr %Node, ptr %node, i64 0, i32 1
  %parent = load i64, ptr %node1
  %node2 = getelementptr %Node, ptr %node, i64 0, i32 2
  %place = load ptr, ptr %node2
  %index = ptrtoint ptr %place to i64
  %parent_at = getelementptr ptr, ptr %objects, i64 %parent
  switch i64 %way, label %bad [
    i64 0, label %argument
    i64 1, label %list_item
    i64 2, label %tuple_item
    i64 3, label %dict_item
    i64 4, label %attribute
    i64 5, label %name
    i64 6, label %cell
    i64 7, label %context
    i64 8, label %key_of_mapping
    i64 9, label %lookup
    i64 10, label %own_attribute
    i64 11, label %field
  ]

argument:
  %argument_at = getelementptr ptr, ptr %args, i64 %parent
  %the_argument = load ptr, ptr %argument_at
  br label %found

list_item:
  %list = load ptr, ptr %parent_at
  %list_size_at = getelementptr i8, ptr %list, i64 16
  %list_size = load i64, ptr %list_size_at
  %in_list = icmp ult i64 %index, %list_size
  br i1 %in_list, label %read_list, label %bad

read_list:
  %list_items_at = getelementptr i8, ptr %list, i64 24
  %list_items = load ptr, ptr %list_items_at
  %list_item_at = getelementptr ptr, ptr %list_items, i64 %index
  %the_list_item = load ptr, ptr %list_item_at
  br label %own

tuple_item:
  %tuple = load ptr, ptr %parent_at
  %tuple_items = getelementptr i8, ptr %tuple, i64 24
  %tuple_item_at = getelementptr ptr, ptr %tuple_items, i64 %index
  %the_tuple_item = load ptr, ptr %tuple_item_at
  br label %own

dict_item:
  %dict = load ptr, ptr %parent_at
  %position_at = getelementptr i64, ptr %integers, i64 %parent
  %has_item = call i32 @PyDict_Next(ptr %dict, ptr %position_at, ptr %key_at, ptr %value_at)
  %is_item = icmp ne i32 %has_item, 0
  br i1 %is_item, label %read_dict, label %bad

read_dict:
  %the_dict_item = load ptr, ptr %value_at
  br label %own

attribute:
  %record = load ptr, ptr %parent_at
  %the_attribute = call ptr @PyObject_GenericGetAttr(ptr %record, ptr %place)
  %has_attribute = icmp ne ptr %the_attribute, null
  br i1 %has_attribute, label %found, label %no_attribute

no_attribute:
  call void @PyErr_Clear()
  br label %bad

name:
  %namespace = inttoptr i64 %parent to ptr
  %the_named = call ptr @PyDict_GetItemWithError(ptr %namespace, ptr %place)
  %has_name = icmp ne ptr %the_named, null
  br i1 %has_name, label %own, label %missing

cell:
  %the_cell = inttoptr i64 %parent to ptr
  %the_content = call ptr @PyCell_Get(ptr %the_cell)
  %has_content = icmp ne ptr %the_content, null
  br i1 %has_content, label %found, label %missing

context:
  %variable = inttoptr i64 %parent to ptr
  %problem = call i32 @PyContextVar_Get(ptr %variable, ptr null, ptr %value_at)
  %is_read = icmp eq i32 %problem, 0
  br i1 %is_read, label %in_context, label %no_attribute

in_context:
  %the_set = load ptr, ptr %value_at
  %is_set = icmp ne ptr %the_set, null
  br i1 %is_set, label %found, label %missing

lookup:
  %open_dict = load ptr, ptr %parent_at
  %the_looked_up = call ptr @PyDict_GetItemWithError(ptr %open_dict, ptr %place)
  %is_there = icmp ne ptr %the_looked_up, null
  br i1 %is_there, label %own, label %missing

key_of_mapping:
  %outer = inttoptr i64 %parent to ptr
  %the_entry = call ptr @PyObject_GetItem(ptr %outer, ptr %place)
  %has_entry = icmp ne ptr %the_entry, null
  br i1 %has_entry, label %found, label %missing

field:
  %field_at = inttoptr i64 %parent to ptr
  %the_field = load ptr, ptr %field_at
  %is_empty = icmp eq ptr %the_field, null
  %in_field = select i1 %is_empty, ptr %place, ptr %the_field
  br label %own

own_attribute:
  %holder = inttoptr i64 %parent to ptr
  %the_kept = call ptr @PyObject_GenericGetAttr(ptr %holder, ptr %place)
  %is_kept = icmp ne ptr %the_kept, null
  br i1 %is_kept, label %found, label %missing

missing:
  call void @PyErr_Clear()
  %nothing.at = getelementptr ptr, ptr %plan, i64 23
  %nothing = load ptr, ptr %nothing.at
  br label %own

own:
  %item = phi ptr [ %the_list_item, %read_list ], [ %the_tuple_item, %tuple_item ], [ %the_dict_item, %read_dict ],
                  [ %the_named, %name ], [ %the_looked_up, %lookup ], [ %nothing, %missing ],
                  [ %in_field, %field ]
  call void @Py_IncRef(ptr %item)
  br label %found

found:
  %object = phi ptr [ %the_argument, %argument ], [ %item, %own ], [ %the_attribute, %attribute ],
                    [ %the_content, %cell ], [ %the_set, %in_context ], [ %the_entry, %key_of_mapping ],
                    [ %the_kept, %own_attribute ]
  %object_at = getelementptr ptr, ptr %objects, i64 %i
  store ptr %object, ptr %object_at
  %next = add i64 %i, 1
  store i64 %next, ptr %taken
  %from_dict = icmp eq i64 %way, 3
  br i1 %from_dict, label %check_key, label %check

check_key:
  %key = load ptr, ptr %key_at
  %node7 = getelementptr %Node, ptr %node, i64 0, i32 7
  %equal_key_will_do = load i64, ptr %node7
  %right_key = call i1 @is_same(ptr %plan, ptr %key, ptr %place, i64 %equal_key_will_do)
  br i1 %right_key, label %check, label %bad

check:
  %type_at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type_at
  %data = getelementptr i8, ptr %object, i64 16
  %node3 = getelementptr %Node, ptr %node, i64 0, i32 3
  %kind = load i64, ptr %node3
  %node4 = getelementptr %Node, ptr %node, i64 0, i32 4
  %wanted = load ptr, ptr %node4
  %right_type = icmp eq ptr %type, %wanted
  %node5 = getelementptr %Node, ptr %node, i64 0, i32 5
  %number = load i64, ptr %node5
  %pointer_at = getelementptr ptr, ptr %pointers, i64 %number
  %integer_at = getelementptr i64, ptr %integers, i64 %i
  switch i64 %kind, label %bad [
    i64 0, label %array
    i64 1, label %value
    i64 2, label %integer
    i64 3, label %static
    i64 4, label %items
    i64 5, label %mapping
    i64 6, label %attributes
    i64 7, label %again
  ]

array:
  %is_array = icmp eq ptr %type, @PyArray_Type
  br i1 %is_array, label %array_itself, label %bad

array_itself:
  %fits = call i1 @array_fits(ptr %object, ptr %wanted)
  br i1 %fits, label %point_to_array, label %bad

point_to_array:
  %elements = load ptr, ptr %data
  store ptr %elements, ptr %pointer_at
  br label %good

value:
  store ptr %data, ptr %pointer_at
  br i1 %right_type, label %good, label %bad

integer:
  br i1 %right_type, label %convert, label %bad

convert:
  %converted = call i64 @PyLong_AsLongLongAndOverflow(ptr %object, ptr %overflow_at)
  store i64 %converted, ptr %integer_at
  store ptr %integer_at, ptr %pointer_at
  %overflow = load i32, ptr %overflow_at
  %in_range = icmp eq i32 %overflow, 0
  br i1 %in_range, label %good, label %bad

static:
  %node6 = getelementptr %Node, ptr %node, i64 0, i32 6
  %equal_will_do = load i64, ptr %node6
  %same = call i1 @is_same(ptr %plan, ptr %object, ptr %wanted, i64 %equal_will_do)
  br i1 %same, label %good, label %bad

items:
  br i1 %right_type, label %count_items, label %bad

count_items:
  %size = load i64, ptr %data
  %right_size = icmp eq i64 %size, %number
  br i1 %right_size, label %good, label %bad

mapping:
  br i1 %right_type, label %count_keys, label %bad

count_keys:
  store i64 0, ptr %integer_at
  %keys = call i64 @PyDict_Size(ptr %object)
  %right_keys = icmp eq i64 %keys, %number
  br i1 %right_keys, label %good, label %bad

attributes:
  br i1 %right_type, label %good, label %bad

again:
  %earlier_at = getelementptr ptr, ptr %objects, i64 %number
  %earlier = load ptr, ptr %earlier_at
  %is_again = icmp eq ptr %object, %earlier
  br i1 %is_again, label %good, label %bad

good:
  br label %loop

bad:
  ret i1 false

all:
  ret i1 true
}

; Whether an object is another, or, where that will do, an equal text or one that is_same_static calls the same.
define internal i1 @is_same(ptr %plan, ptr %got, ptr %expected, i64 %equal_will_do) nounwind {
  %identical = icmp eq ptr %got, %expected
  br i1 %identical, label %yes, label %other

other:
  %comparable = icmp ne i64 %equal_will_do, 0
  br i1 %comparable, label %types, label %no

types:
  %type_at = getelementptr i8, ptr %got, i64 8
  %type = load ptr, ptr %type_at
  %expected_type_at = getelementptr i8, ptr %expected, i64 8
  %expected_type = load ptr, ptr %expected_type_at
  %right_type = icmp eq ptr %type, %expected_type
  br i1 %right_type, label %text, label %no

text:
  %is_text = icmp eq ptr %type, @PyUnicode_Type
  br i1 %is_text, label %compare, label %ask

compare:
  %difference = call i32 @PyUnicode_Compare(ptr %got, ptr %expected)
  %are_equal = icmp eq i32 %difference, 0
  ret i1 %are_equal

ask:
  %pair = alloca [2 x ptr]
  store ptr %got, ptr %pair
  %second = getelementptr ptr, ptr %pair, i64 1
  store ptr %expected, ptr %second
  %question.at = getelementptr ptr, ptr %plan, i64 22
  %question = load ptr, ptr %question.at
  call void @Py_IncRef(ptr %got)
  %answer = call ptr @PyObject_Vectorcall(ptr %question, ptr %pair, i64 2, ptr null)
  call void @Py_DecRef(ptr %got)
  %answered = icmp ne ptr %answer, null
  br i1 %answered, label %read, label %failed

read:
  %truth = call i32 @PyObject_IsTrue(ptr %answer)
  call void @Py_DecRef(ptr %answer)
  %is_same = icmp eq i32 %truth, 1
  ret i1 %is_same

failed:
  call void @PyErr_Clear()
  ret i1 false

yes:
  ret i1 true

no:
  ret i1 false
}

; Whether an array has a dtype, shape, strides and flags.
define internal i1 @array_fits(ptr %array, ptr %wanted) nounwind {
  %flags_at = getelementptr i8, ptr %array, i64 64
  %flags32 = load i32, ptr %flags_at
  %flags = zext i32 %flags32 to i64
  %wanted1 = getelementptr %Array, ptr %wanted, i64 0, i32 1
  %needed = load i64, ptr %wanted1
  %set = and i64 %flags, %needed
  %are_set = icmp eq i64 %set, %needed
  br i1 %are_set, label %dimensions, label %no

dimensions:
  %ndim_at = getelementptr i8, ptr %array, i64 24
  %ndim32 = load i32, ptr %ndim_at
  %ndim = sext i32 %ndim32 to i64
  %wanted2 = getelementptr %Array, ptr %wanted, i64 0, i32 2
  %needed_ndim = load i64, ptr %wanted2
  %right_ndim = icmp eq i64 %ndim, %needed_ndim
  br i1 %right_ndim, label %dtype, label %no

dtype:
  %dtype_at = getelementptr i8, ptr %array, i64 56
  %the_dtype = load ptr, ptr %dtype_at
  %needed_dtype = load ptr, ptr %wanted
  %same_dtype = icmp eq ptr %the_dtype, %needed_dtype
  br i1 %same_dtype, label %shape, label %compare_dtypes

compare_dtypes:
  %equivalent = call i8 @PyArray_EquivTypes(ptr %the_dtype, ptr %needed_dtype)
  %is_equivalent = icmp ne i8 %equivalent, 0
  br i1 %is_equivalent, label %shape, label %no

shape:
  %shape_at = getelementptr i8, ptr %array, i64 32
  %the_shape = load ptr, ptr %shape_at
  %needed_shape = getelementptr %Array, ptr %wanted, i64 1
  br label %axis

axis:
  %i = phi i64 [ 0, %shape ], [ %next, %right_length ]
  %more = icmp ult i64 %i, %ndim
  br i1 %more, label %length, label %look_at_strides

length:
  %length_at = getelementptr i64, ptr %the_shape, i64 %i
  %the_length = load i64, ptr %length_at
  %needed_length_at = getelementptr i64, ptr %needed_shape, i64 %i
  %needed_length = load i64, ptr %needed_length_at
  %same_length = icmp eq i64 %the_length, %needed_length
  br i1 %same_length, label %right_length, label %no

right_length:
  %next = add i64 %i, 1
  br label %axis

look_at_strides:
  %wanted3 = getelementptr %Array, ptr %wanted, i64 0, i32 3
  %matters = load i64, ptr %wanted3
  %do_strides_matter = icmp ne i64 %matters, 0
  br i1 %do_strides_matter, label %strides, label %yes

strides:
  %strides_at = getelementptr i8, ptr %array, i64 40
  %the_strides = load ptr, ptr %strides_at
  %needed_strides = getelementptr i64, ptr %needed_shape, i64 %ndim
  br label %stride_axis

stride_axis:
  %j = phi i64 [ 0, %strides ], [ %next_j, %right_stride ]
  %more_strides = icmp ult i64 %j, %ndim
  br i1 %more_strides, label %stride, label %yes

stride:
  %stride_at = getelementptr i64, ptr %the_strides, i64 %j
  %the_stride = load i64, ptr %stride_at
  %needed_stride_at = getelementptr i64, ptr %needed_strides, i64 %j
  %needed_stride = load i64, ptr %needed_stride_at
  %same_stride = icmp eq i64 %the_stride, %needed_stride
  %axis_length_at = getelementptr i64, ptr %needed_shape, i64 %j
  %axis_length = load i64, ptr %axis_length_at
  %is_single = icmp eq i64 %axis_length, 1
  %fine = or i1 %same_stride, %is_single
  br i1 %fine, label %right_stride, label %no

right_stride:
  %next_j = add i64 %j, 1
  br label %stride_axis

yes:
  ret i1 true

no:
  ret i1 false
}

; Whether no array that is written to shares addresses with another. Two that were found apart, and lie where they
; lay then, are not compared again.
define internal i1 @are_apart(ptr %plan, ptr %objects) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 5
  %count = load i64, ptr %count.at
  %ranges.at = getelementptr ptr, ptr %plan, i64 6
  %ranges = load ptr, ptr %ranges.at
  %known.at = getelementptr ptr, ptr %plan, i64 7
  %known = load ptr, ptr %known.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %continue ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %remember

turn:
  %range = getelementptr %Range, ptr %ranges, i64 %i
  %data = call i64 @address(ptr %range, ptr %objects)
  %known_at = getelementptr i64, ptr %known, i64 %i
  %was = load i64, ptr %known_at
  %moved = icmp ne i64 %data, %was
  br i1 %moved, label %compare, label %continue

compare:
  %first_at = getelementptr %Range, ptr %range, i64 0, i32 1
  %first = load i64, ptr %first_at
  %start = add i64 %data, %first
  %last_at = getelementptr %Range, ptr %range, i64 0, i32 2
  %last = load i64, ptr %last_at
  %end = add i64 %data, %last
  %written_at = getelementptr %Range, ptr %range, i64 0, i32 3
  %written = load i64, ptr %written_at
  br label %others

others:
  %j = phi i64 [ 0, %compare ], [ %next_j, %fine ]
  %more_others = icmp ult i64 %j, %count
  br i1 %more_others, label %other, label %continue

other:
  %other_range = getelementptr %Range, ptr %ranges, i64 %j
  %other_data = call i64 @address(ptr %other_range, ptr %objects)
  %other_first_at = getelementptr %Range, ptr %other_range, i64 0, i32 1
  %other_first = load i64, ptr %other_first_at
  %other_start = add i64 %other_data, %other_first
  %other_last_at = getelementptr %Range, ptr %other_range, i64 0, i32 2
  %other_last = load i64, ptr %other_last_at
  %other_end = add i64 %other_data, %other_last
  %other_written_at = getelementptr %Range, ptr %other_range, i64 0, i32 3
  %other_written = load i64, ptr %other_written_at
  %begins_before = icmp ult i64 %start, %other_end
  %ends_behind = icmp ult i64 %other_start, %end
  %meet = and i1 %begins_before, %ends_behind
  %either = or i64 %written, %other_written
  %is_either_written = icmp ne i64 %either, 0
  %meet_and_written = and i1 %meet, %is_either_written
  %differ = icmp ne i64 %i, %j
  %clash = and i1 %meet_and_written, %differ
  br i1 %clash, label %no, label %fine

fine:
  %next_j = add i64 %j, 1
  br label %others

continue:
  %next = add i64 %i, 1
  br label %loop

remember:
  %k = phi i64 [ 0, %loop ], [ %next_k, %store ]
  %more_to_store = icmp ult i64 %k, %count
  br i1 %more_to_store, label %store, label %yes

store:
  %stored_range = getelementptr %Range, ptr %ranges, i64 %k
  %stored = call i64 @address(ptr %stored_range, ptr %objects)
  %stored_at = getelementptr i64, ptr %known, i64 %k
  store i64 %stored, ptr %stored_at
  %next_k = add i64 %k, 1
  br label %remember

yes:
  ret i1 true

no:
  ret i1 false
}

; Where the array of a range has its data.
define internal i64 @address(ptr %range, ptr %objects) nounwind {
  %node = load i64, ptr %range
  %object_at = getelementptr ptr, ptr %objects, i64 %node
  %object = load ptr, ptr %object_at
  %data_at = getelementptr i8, ptr %object, i64 16
  %data = load i64, ptr %data_at
  ret i64 %data
}

; Make the arrays of the results, and point to them and to the cells of the numbers. False with an exception set.
define internal i1 @make_outputs(ptr %plan, ptr %frame) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 10
  %count = load i64, ptr %count.at
  %outputs.at = getelementptr ptr, ptr %plan, i64 11
  %outputs = load ptr, ptr %outputs.at
  %pointers.at = getelementptr ptr, ptr %frame, i64 3
  %pointers = load ptr, ptr %pointers.at
  %arrays.at = getelementptr ptr, ptr %frame, i64 4
  %arrays = load ptr, ptr %arrays.at
  %cells.at = getelementptr ptr, ptr %frame, i64 5
  %cells = load ptr, ptr %cells.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %point ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %yes

turn:
  %output = getelementptr %Output, ptr %outputs, i64 %i
  %slot = load i64, ptr %output
  %pointer_at = getelementptr ptr, ptr %pointers, i64 %slot
  %cell = getelementptr [2 x i64], ptr %cells, i64 %i
  %output1 = getelementptr %Output, ptr %output, i64 0, i32 1
  %is_array = load i64, ptr %output1
  %makes_array = icmp ne i64 %is_array, 0
  br i1 %makes_array, label %array, label %point

array:
  %output2 = getelementptr %Output, ptr %output, i64 0, i32 2
  %dtype = load ptr, ptr %output2
  %output3 = getelementptr %Output, ptr %output, i64 0, i32 3
  %ndim64 = load i64, ptr %output3
  %ndim = trunc i64 %ndim64 to i32
  %output4 = getelementptr %Output, ptr %output, i64 0, i32 4
  %shape = load ptr, ptr %output4
  call void @Py_IncRef(ptr %dtype)
  %made = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %dtype, i32 %ndim, ptr %shape, ptr null, ptr null, i32 0, ptr null)
  %is_made = icmp ne ptr %made, null
  br i1 %is_made, label %keep, label %no

keep:
  %array_at = getelementptr ptr, ptr %arrays, i64 %i
  store ptr %made, ptr %array_at
  %data_at = getelementptr i8, ptr %made, i64 16
  %data = load ptr, ptr %data_at
  br label %point

point:
  %memory = phi ptr [ %cell, %turn ], [ %data, %keep ]
  store ptr %memory, ptr %pointer_at
  %next = add i64 %i, 1
  br label %loop

yes:
  ret i1 true

no:
  ret i1 false
}

; Take an arena from the list of free ones, or make one. The caller holds the GIL, which guards the list. In the 64
; bytes before an arena stand the next free one and the address to free.
define internal i1 @borrow_arena(ptr %plan, ptr %frame) nounwind {
  %size.at = getelementptr i64, ptr %plan, i64 17
  %size = load i64, ptr %size.at
  %is_needed = icmp ne i64 %size, 0
  br i1 %is_needed, label %look, label %yes

look:
  %list.at = getelementptr ptr, ptr %plan, i64 18
  %list = load ptr, ptr %list.at
  %free = load ptr, ptr %list
  %arena_at = getelementptr %Frame, ptr %frame, i64 0, i32 8
  %is_free = icmp ne ptr %free, null
  br i1 %is_free, label %take, label %make

take:
  %head = getelementptr i8, ptr %free, i64 -64
  %rest = load ptr, ptr %head
  store ptr %rest, ptr %list
  store ptr %free, ptr %arena_at
  ret i1 true

make:
  %bytes = add i64 %size, 128
  %block = call ptr @PyMem_RawMalloc(i64 %bytes)
  %is_made = icmp ne ptr %block, null
  br i1 %is_made, label %align, label %no

align:
  %raw = ptrtoint ptr %block to i64
  %behind = add i64 %raw, 127
  %aligned = and i64 %behind, -64
  %arena = inttoptr i64 %aligned to ptr
  %own_head = getelementptr i8, ptr %arena, i64 -64
  store ptr null, ptr %own_head
  %raw_at = getelementptr i8, ptr %arena, i64 -56
  store ptr %block, ptr %raw_at
  store ptr %arena, ptr %arena_at
  br label %yes

yes:
  ret i1 true

no:
  %none = call ptr @PyErr_NoMemory()
  ret i1 false
}

define internal void @return_arena(ptr %plan, ptr %frame) nounwind {
  %arena.at = getelementptr ptr, ptr %frame, i64 8
  %arena = load ptr, ptr %arena.at
  %is_lent = icmp ne ptr %arena, null
  br i1 %is_lent, label %give, label %end

give:
  %list.at = getelementptr ptr, ptr %plan, i64 18
  %list = load ptr, ptr %list.at
  %free = load ptr, ptr %list
  %head = getelementptr i8, ptr %arena, i64 -64
  store ptr %free, ptr %head
  store ptr %arena, ptr %list
  br label %end

end:
  ret void
}

; Run the stages until one does not return 0; -1 with an exception set.
define internal i64 @run_stages(ptr %plan, ptr %frame) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 12
  %count = load i64, ptr %count.at
  %stages.at = getelementptr ptr, ptr %plan, i64 13
  %stages = load ptr, ptr %stages.at
  %release.at = getelementptr i64, ptr %plan, i64 19
  %release = load i64, ptr %release.at
  %releases = icmp ne i64 %release, 0
  %pointers.at = getelementptr ptr, ptr %frame, i64 3
  %pointers = load ptr, ptr %pointers.at
  %arena.at = getelementptr ptr, ptr %frame, i64 8
  %arena = load ptr, ptr %arena.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %done ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %stage = getelementptr %Stage, ptr %stages, i64 %i
  %kind = load i64, ptr %stage
  %stage1 = getelementptr %Stage, ptr %stage, i64 0, i32 1
  %function = load ptr, ptr %stage1
  %is_native = icmp ne i64 %kind, 0
  br i1 %is_native, label %native, label %python

native:
  br i1 %releases, label %alone, label %holding

alone:
  %thread = call ptr @PyEval_SaveThread()
  %status_alone = call i64 %function(ptr %pointers, ptr %arena)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %done

holding:
  %status_holding = call i64 %function(ptr %pointers, ptr %arena)
  br label %done

python:
  %status_python = call i64 @call_python(ptr %function, ptr %pointers, ptr %arena)
  br label %done

done:
  %status = phi i64 [ %status_alone, %alone ], [ %status_holding, %holding ], [ %status_python, %python ]
  %next = add i64 %i, 1
  %well = icmp eq i64 %status, 0
  br i1 %well, label %loop, label %failed

end:
  ret i64 0

failed:
  ret i64 %status
}

; Call a Python function with two addresses; None is 0.
define internal i64 @call_python(ptr %function, ptr %pointers, ptr %arena) nounwind {
  %pair = alloca [2 x ptr]
  %first = call ptr @PyLong_FromVoidPtr(ptr %pointers)
  %second = call ptr @PyLong_FromVoidPtr(ptr %arena)
  store ptr %first, ptr %pair
  %second_at = getelementptr ptr, ptr %pair, i64 1
  store ptr %second, ptr %second_at
  %has_first = icmp ne ptr %first, null
  %has_second = icmp ne ptr %second, null
  %has_both = and i1 %has_first, %has_second
  br i1 %has_both, label %call, label %drop

call:
  %called = call ptr @PyObject_Vectorcall(ptr %function, ptr %pair, i64 2, ptr null)
  br label %drop

drop:
  %returned = phi ptr [ null, %0 ], [ %called, %call ]
  call void @Py_DecRef(ptr %first)
  call void @Py_DecRef(ptr %second)
  %has_returned = icmp ne ptr %returned, null
  br i1 %has_returned, label %read, label %error

read:
  %is_none = icmp eq ptr %returned, @_Py_NoneStruct
  br i1 %is_none, label %none, label %number

none:
  call void @Py_DecRef(ptr %returned)
  ret i64 0

number:
  %status = call i64 @PyLong_AsLongLong(ptr %returned)
  call void @Py_DecRef(ptr %returned)
  ret i64 %status

error:
  ret i64 -1
}

; Say which guard failed.
define internal ptr @decline(ptr %plan, i64 %status) nounwind {
  %argument = alloca ptr
  %number = call ptr @PyLong_FromLongLong(i64 %status)
  %has_number = icmp ne ptr %number, null
  br i1 %has_number, label %call, label %end

call:
  store ptr %number, ptr %argument
  %class.at = getelementptr ptr, ptr %plan, i64 21
  %class = load ptr, ptr %class.at
  %made = call ptr @PyObject_Vectorcall(ptr %class, ptr %argument, i64 1, ptr null)
  call void @Py_DecRef(ptr %number)
  br label %end

end:
  %returned = phi ptr [ null, %0 ], [ %made, %call ]
  ret ptr %returned
}

; Make the result: steps that push objects onto a stack, and replace the topmost by a container of them.
define internal ptr @build(ptr %plan, ptr %frame) nounwind {
  %count.at = getelementptr i64, ptr %plan, i64 14
  %count = load i64, ptr %count.at
  %steps.at = getelementptr ptr, ptr %plan, i64 15
  %steps = load ptr, ptr %steps.at
  %objects.at = getelementptr ptr, ptr %frame, i64 1
  %objects = load ptr, ptr %objects.at
  %arrays.at = getelementptr ptr, ptr %frame, i64 4
  %arrays = load ptr, ptr %arrays.at
  %cells.at = getelementptr ptr, ptr %frame, i64 5
  %cells = load ptr, ptr %cells.at
  %stack.at = getelementptr ptr, ptr %frame, i64 6
  %stack = load ptr, ptr %stack.at
  br label %loop

loop:
  %i = phi i64 [ 0, %0 ], [ %next, %push ]
  %height = phi i64 [ 0, %0 ], [ %grown, %push ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %turn, label %end

turn:
  %step = getelementptr %Step, ptr %steps, i64 %i
  %kind = load i64, ptr %step
  %step1 = getelementptr %Step, ptr %step, i64 0, i32 1
  %number = load i64, ptr %step1
  %step2 = getelementptr %Step, ptr %step, i64 0, i32 2
  %object = load ptr, ptr %step2
  %cell = getelementptr [2 x i64], ptr %cells, i64 %number
  switch i64 %kind, label %failed [
    i64 0, label %array
    i64 1, label %argument
    i64 2, label %constant
    i64 3, label %scalar
    i64 4, label %float
    i64 5, label %integer
    i64 6, label %boolean
    i64 7, label %complex
    i64 8, label %container
    i64 9, label %container
    i64 10, label %container
    i64 11, label %container
    i64 12, label %container
    i64 13, label %kept
  ]

array:
  %array_at = getelementptr ptr, ptr %arrays, i64 %number
  %the_array = load ptr, ptr %array_at
  store ptr null, ptr %array_at
  br label %push

kept:
  %kept_at = getelementptr ptr, ptr %arrays, i64 %number
  %the_kept = load ptr, ptr %kept_at
  call void @Py_IncRef(ptr %the_kept)
  br label %push

argument:
  %argument_at = getelementptr ptr, ptr %objects, i64 %number
  %the_argument = load ptr, ptr %argument_at
  call void @Py_IncRef(ptr %the_argument)
  br label %push

constant:
  call void @Py_IncRef(ptr %object)
  br label %push

scalar:
  %the_scalar = call ptr @PyArray_Scalar(ptr %cell, ptr %object, ptr null)
  br label %push

float:
  %double = load double, ptr %cell
  %the_float = call ptr @PyFloat_FromDouble(double %double)
  br label %push

integer:
  %int64 = load i64, ptr %cell
  %the_integer = call ptr @PyLong_FromLongLong(i64 %int64)
  br label %push

boolean:
  %byte = load i8, ptr %cell
  %truth = zext i8 %byte to i64
  %the_boolean = call ptr @PyBool_FromLong(i64 %truth)
  br label %push

complex:
  %real = load double, ptr %cell
  %imaginary_at = getelementptr double, ptr %cell, i64 1
  %imaginary = load double, ptr %imaginary_at
  %the_complex = call ptr @PyComplex_FromDoubles(double %real, double %imaginary)
  br label %push

container:
  %below = sub i64 %height, %number
  %children = getelementptr ptr, ptr %stack, i64 %below
  %the_container = call ptr @contain(i64 %kind, i64 %number, ptr %object, ptr %children)
  br label %push

push:
  %made = phi ptr [ %the_array, %array ], [ %the_argument, %argument ], [ %object, %constant ],
                  [ %the_scalar, %scalar ], [ %the_float, %float ], [ %the_integer, %integer ],
                  [ %the_boolean, %boolean ], [ %the_complex, %complex ], [ %the_container, %container ],
                  [ %the_kept, %kept ]
  %level = phi i64 [ %height, %array ], [ %height, %argument ], [ %height, %constant ],
                   [ %height, %scalar ], [ %height, %float ], [ %height, %integer ],
                   [ %height, %boolean ], [ %height, %complex ], [ %below, %container ],
                   [ %height, %kept ]
  %place = getelementptr ptr, ptr %stack, i64 %level
  store ptr %made, ptr %place
  %grown = add i64 %level, 1
  %next = add i64 %i, 1
  %is_made = icmp ne ptr %made, null
  br i1 %is_made, label %loop, label %failed

failed:
  %rest = phi i64 [ %height, %turn ], [ %level, %push ]
  call void @drop(ptr %stack, i64 %rest)
  ret ptr null

end:
  %result = load ptr, ptr %stack
  ret ptr %result
}

; Make a container of objects, to which the caller's references go over, whether it can be made or not.
; 8 tuple, 9 list, 10 dict with the keys of a tuple, 11 named tuple of a type, 12 object of the type that a tuple has
; first, with attributes of the names that follow.
define internal ptr @contain(i64 %kind, i64 %count, ptr %object, ptr %children) nounwind {
  switch i64 %kind, label %tuple [
    i64 9, label %list
    i64 10, label %dict
    i64 11, label %named
    i64 12, label %record
  ]

tuple:
  %the_tuple = call ptr @PyTuple_New(i64 %count)
  br label %fill_tuple

named:
  %the_named = call ptr @PyType_GenericAlloc(ptr %object, i64 %count)
  br label %fill_tuple

fill_tuple:
  %a_tuple = phi ptr [ %the_tuple, %tuple ], [ %the_named, %named ]
  %has_tuple = icmp ne ptr %a_tuple, null
  br i1 %has_tuple, label %tuple_items, label %failed

tuple_items:
  %inside = getelementptr i8, ptr %a_tuple, i64 24
  br label %fill

list:
  %the_list = call ptr @PyList_New(i64 %count)
  %has_list = icmp ne ptr %the_list, null
  br i1 %has_list, label %list_items, label %failed

list_items:
  %items_at = getelementptr i8, ptr %the_list, i64 24
  %outside = load ptr, ptr %items_at
  br label %fill

fill:
  %sequence = phi ptr [ %a_tuple, %tuple_items ], [ %the_list, %list_items ]
  %items = phi ptr [ %inside, %tuple_items ], [ %outside, %list_items ]
  br label %fill_loop

fill_loop:
  %i = phi i64 [ 0, %fill ], [ %next, %fill_turn ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %fill_turn, label %filled

fill_turn:
  %child_at = getelementptr ptr, ptr %children, i64 %i
  %child = load ptr, ptr %child_at
  %item_at = getelementptr ptr, ptr %items, i64 %i
  store ptr %child, ptr %item_at
  %next = add i64 %i, 1
  br label %fill_loop

filled:
  ret ptr %sequence

dict:
  %the_dict = call ptr @PyDict_New()
  br label %named_values

record:
  %type_at = getelementptr i8, ptr %object, i64 24
  %type = load ptr, ptr %type_at
  %the_record = call ptr @PyType_GenericAlloc(ptr %type, i64 0)
  br label %named_values

named_values:
  %target = phi ptr [ %the_dict, %dict ], [ %the_record, %record ]
  %names_at = phi i64 [ 24, %dict ], [ 32, %record ]
  %has_target = icmp ne ptr %target, null
  br i1 %has_target, label %set_all, label %failed

set_all:
  %names = getelementptr i8, ptr %object, i64 %names_at
  br label %set_loop

set_loop:
  %j = phi i64 [ 0, %set_all ], [ %next_j, %set_turn ]
  %problems = phi i32 [ 0, %set_all ], [ %all_problems, %set_turn ]
  %more_to_set = icmp ult i64 %j, %count
  br i1 %more_to_set, label %set_one, label %set_done

set_one:
  %name_at = getelementptr ptr, ptr %names, i64 %j
  %name = load ptr, ptr %name_at
  %value_at = getelementptr ptr, ptr %children, i64 %j
  %value = load ptr, ptr %value_at
  %is_fine = icmp eq i32 %problems, 0
  br i1 %is_fine, label %set, label %set_turn.skip

set:
  %is_dict = icmp eq i64 %kind, 10
  br i1 %is_dict, label %set_key, label %set_attribute

set_key:
  %key_problem = call i32 @PyDict_SetItem(ptr %target, ptr %name, ptr %value)
  br label %set_turn

set_attribute:
  %attribute_problem = call i32 @PyObject_GenericSetAttr(ptr %target, ptr %name, ptr %value)
  br label %set_turn

set_turn.skip:
  br label %set_turn

set_turn:
  %problem = phi i32 [ %key_problem, %set_key ], [ %attribute_problem, %set_attribute ], [ -1, %set_turn.skip ]
  %all_problems = or i32 %problems, %problem
  call void @Py_DecRef(ptr %value)
  %next_j = add i64 %j, 1
  br label %set_loop

set_done:
  %is_set = icmp eq i32 %problems, 0
  br i1 %is_set, label %set_result, label %set_failed

set_result:
  ret ptr %target

set_failed:
  call void @Py_DecRef(ptr %target)
  ret ptr null

failed:
  call void @drop(ptr %children, i64 %count)
  ret ptr null
}
